import koffi from "koffi";
import { SyscallError } from "./errno.ts";
import { errnoName } from "./syscalls.ts";

const libc = koffi.load(null);
const call = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, const int *value, uint size)"),
  send: libc.func("long send(int fd, const void *bytes, size_t size, int flags)"),
  close: libc.func("int close(int fd)"),
  recv: libc.func("long recv(int fd, void *bytes, size_t size, int flags)"),
};

const netlink = { family: 16, route: 0, level: 270, capAck: 10, extAck: 11 } as const;
const raw = 3;
const closeOnExec = 0o2_000_000;
const dontWait = 0x40;

/** Message types of rtnetlink(7) that change something. */
export const requestTypes = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  newRoute: 24,
} as const;
/** What a request for something new says of what is there already (netlink(7)). */
export const newFlags = { replace: 0x100, exclusive: 0x200, create: 0x400 } as const;

const flagRequest = 1;
const flagAck = 4;
const flagAckTlvs = 0x200;
const typeError = 2;
const headerSize = 16;
const attributeMessage = 1;

/**
 * A socket to the kernel's tables of links, addresses and routes (rtnetlink(7)), of the network namespace that the calling thread was in when
 * it was made, wherever the thread goes. Each request is answered within the call; it may wait for others' changes (the kernel makes one at a
 * time), so that it is for threads that may wait.
 */
export class RouteSocket implements Disposable {
  readonly #descriptor: number;
  #sequence = 0;

  /** Fails with SyscallError. */
  constructor() {
    this.#descriptor = check("socket", call.socket(netlink.family, raw | closeOnExec, netlink.route));
    // Without them the kernel's refusal is a number only.
    for (const option of [netlink.capAck, netlink.extAck])
      call.setsockopt(this.#descriptor, netlink.level, option, [1], 4);
  }

  /** Fails with SyscallError, `syscall` being the kernel's own words where it has some. */
  request({ type, flags, body }: { readonly type: number; readonly flags: number; readonly body: Uint8Array }): void {
    const answer = this.#exchange(type, flags | flagAck, body);
    const error = answer.readInt32LE(headerSize);
    if (error !== 0) throw new SyscallError(wordsOf(answer) ?? "rtnetlink", errnoName(-error));
  }

  /** Index of the link with this name. Fails with SyscallError `ENODEV`. */
  indexOf(name: string): number {
    const body = Buffer.concat([linkHeader(0), stringAttribute(linkAttributes.name, name)]);
    const answer = this.#exchange(requestTypes.getLink, 0, body);
    if (answer.readUInt16LE(4) === typeError) {
      throw new SyscallError(`look up link ${name}`, errnoName(-answer.readInt32LE(headerSize)));
    }
    return answer.readInt32LE(headerSize + 4);
  }

  [Symbol.dispose](): void {
    // Node's own call takes a worker's descriptors for its own.
    call.close(this.#descriptor);
  }

  /** struct nlmsghdr: length, type, flags, sequence number, the sender's (the kernel gives us one). */
  #exchange(type: number, flags: number, body: Uint8Array): Buffer {
    const message = Buffer.alloc(headerSize + body.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(flags | flagRequest, 6);
    message.writeUInt32LE(++this.#sequence, 8);
    message.set(body, headerSize);
    check("send", Number(call.send(this.#descriptor, message, message.length, 0)));
    const answer = Buffer.alloc(32_768);
    for (;;) {
      const size = check("recv", Number(call.recv(this.#descriptor, answer, answer.length, dontWait)));
      // The answer to an earlier one, which was given up.
      if (size >= headerSize + 4 && answer.readUInt32LE(8) === this.#sequence) return answer.subarray(0, size);
    }
  }
}

/** IFLA_… of if_link.h. */
export const linkAttributes = {
  address: 1,
  name: 3,
  mtu: 4,
  parent: 5,
  master: 10,
  info: 18,
  families: 26,
  netnsDescriptor: 28,
} as const;

/** struct ifinfomsg. Index 0: the link is named by an attribute, or new. */
export function linkHeader(index: number, flags = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  // Which flags are meant.
  header.writeUInt32LE(flags, 12);
  return header;
}

/** struct nlattr: its length, its type, and what it holds, filled up to four bytes. */
export function attribute(type: number, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(content.length / 4) * 4);
  bytes.writeUInt16LE(4 + content.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(content, 4);
  return bytes;
}

export function nestedAttribute(type: number, ...attributes: readonly Uint8Array[]): Buffer {
  return attribute(type, Buffer.concat(attributes));
}

export function stringAttribute(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`));
}

export function numberAttribute(type: number, value: number, bytes: 1 | 2 | 4 = 4): Buffer {
  const content = Buffer.alloc(bytes);
  content.writeUIntLE(value, 0, bytes);
  return attribute(type, content);
}

/** The kernel's sentence (NETLINK_EXT_ACK): attributes behind the header of our request, which comes back without its body. */
function wordsOf(answer: Buffer): string | null {
  if ((answer.readUInt16LE(6) & flagAckTlvs) === 0) return null;
  for (let at = headerSize + 4 + headerSize; at + 4 <= answer.length; ) {
    const length = answer.readUInt16LE(at);
    if (length < 4) return null;
    const isMessage = (answer.readUInt16LE(at + 2) & 0x3fff) === attributeMessage;
    if (isMessage) return answer.toString("utf8", at + 4, at + length).replace(/\0.*$/s, "");
    at += Math.ceil(length / 4) * 4;
  }
  return null;
}

function check(name: string, result: number): number {
  if (result < 0) throw new SyscallError(name, errnoName(koffi.errno()));
  return result;
}
