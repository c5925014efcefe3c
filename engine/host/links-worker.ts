import { closeSync, openSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import koffi from "koffi";
import { bytePathOf } from "../lib/byte-path.ts";
import { SyscallError } from "./errno.ts";
import type { LinkAnswer, LinkMessage, LinkTask } from "./link-maker.ts";
import { type LinkStep, requestOf } from "./link-steps.ts";
import { RouteSocket } from "./netlink.ts";
import { errnoName, mount, mountFlags } from "./syscalls.ts";

/**
 * One thread that goes into network namespaces: setns(2) and unshare(2) move the calling thread alone. It is back in the host's before
 * it hears of anything else, and starts no thread meanwhile.
 */
const libc = koffi.load(null);
const call = {
  setns: libc.func("int setns(int fd, int type)"),
  unshare: libc.func("int unshare(int flags)"),
};
const cloneNewnet = 0x4000_0000;
const ownNetns = "/proc/thread-self/ns/net";

const home = openSync(ownNetns, "r");
const host = new RouteSocket();

function work({ netns, before, inside, after }: LinkTask): void {
  using descriptors = new DisposableStack();
  const open = (path: string) => descriptors.adopt(openSync(path, "r"), closeSync);
  const take = (socket: RouteSocket, steps: readonly LinkStep[]) => {
    const indexOf = (link: string) => socket.indexOf(link);
    for (const step of steps) socket.request(requestOf(step, { indexOf, home, open }));
  };
  take(host, before);
  if (netns !== null) {
    using socket = away(netns.isNew ? () => makeNetns(netns.path) : () => enter(open(netns.path)));
    take(socket, inside);
  }
  take(host, after);
}

/** A socket of another namespace, which keeps that alive as long as it is open. */
function away(go: () => void): RouteSocket {
  try {
    go();
    return new RouteSocket();
  } finally {
    // Nothing may ever be done in the wrong one.
    if (call.setns(home, cloneNewnet) !== 0) process.abort();
  }
}

function makeNetns(path: string): void {
  check("unshare", call.unshare(cloneNewnet));
  mount(ownNetns, bytePathOf(path), { flags: mountFlags.bind });
}

function enter(descriptor: number): void {
  check("setns", call.setns(descriptor, cloneNewnet));
}

function check(name: string, result: number): void {
  if (result < 0) throw new SyscallError(name, errnoName(koffi.errno()));
}

parentPort?.on("message", (message: LinkMessage) => {
  if (message === null) {
    host[Symbol.dispose]();
    parentPort?.close();
    return;
  }
  const { id, task } = message;
  let failure: LinkAnswer["failure"] = null;
  try {
    work(task);
  } catch (error) {
    const { message = String(error), code = null, syscall = null } = error as Partial<SyscallError>;
    failure = { message: syscall ?? message, code };
  }
  parentPort?.postMessage({ id, failure } satisfies LinkAnswer);
});
