import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import koffi from "koffi";
import { SyscallError } from "./errno.ts";

const libc = koffi.load(null);
const call = {
  setns: libc.func("int setns(int fd, int type)"),
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, const int *value, uint size)"),
  bind: libc.func("int bind(int fd, const void *address, uint size)"),
  listen: libc.func("int listen(int fd, int backlog)"),
};

const cloneNewnet = 0x4000_0000;
const inet = 2;
const types = { udp: 2, tcp: 1 } as const;
const nonBlocking = 0o4000;
const closeOnExec = 0o2_000_000;
const [solSocket, reuseAddress] = [1, 2];

/**
 * Descriptors of sockets bound in another network namespace. setns(2) moves the calling thread alone; it is back in its own before this
 * returns, and nothing else runs meanwhile. For programs that do little beside, never for the engine.
 */
export class NetnsSockets implements Disposable {
  readonly #home = openSync("/proc/self/ns/net", "r");

  /** Bound, and for TCP listening. The caller closes it. Fails with SyscallError. */
  open(netnsPath: string, type: keyof typeof types, address: { readonly host: string; readonly port: number }): number {
    const target = openSync(netnsPath, "r");
    try {
      check("setns", call.setns(target, cloneNewnet));
      try {
        return bindSocket(type, address);
      } finally {
        // Nothing may ever be done in the wrong one.
        if (call.setns(this.#home, cloneNewnet) !== 0) process.abort();
      }
    } finally {
      closeSync(target);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#home);
  }
}

function bindSocket(
  type: keyof typeof types,
  { host, port }: { readonly host: string; readonly port: number },
): number {
  const fd = call.socket(inet, types[type] | nonBlocking | closeOnExec, 0) as number;
  check("socket", fd);
  try {
    // A listener that was there a moment ago leaves connections behind.
    if (type === "tcp") check("setsockopt", call.setsockopt(fd, solSocket, reuseAddress, [1], 4));
    const bytes = sockaddrOf(host, port);
    check("bind", call.bind(fd, bytes, bytes.length));
    if (type === "tcp") check("listen", call.listen(fd, 64));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** struct sockaddr_in (ip(7)). */
function sockaddrOf(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(inet, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [index, octet] of host.split(".").entries()) bytes[4 + index] = Number(octet);
  return bytes;
}

function check(name: string, result: number): void {
  if (result < 0) throw new SyscallError(name, getSystemErrorName(-koffi.errno()));
}
