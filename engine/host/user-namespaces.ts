import { closeSync, openSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { EngineError, messageOf } from "../errors.ts";
import type { IDRange } from "./id-ranges.ts";
import { getProgram } from "./programs.ts";
import { openPipe, type SpawnedProcess, spawnProcess } from "./spawn.ts";

/** Namespaces that live as long as these descriptors, or what was joined to them by their paths. */
export type UserNamespace = {
  readonly user: number;
  /** For the runtime, which has other descriptors than we. */
  readonly userPath: string;
  /** A netns that belongs to it. */
  readonly netnsPath: string | null;
} & Disposable;

/** Milliseconds. */
const deadline = 10_000;

/**
 * On the disk, what the host's root makes through an idmapped mount belongs to this id, which nobody has: without one at all the kernel
 * would refuse it, and overlayfs makes its own work directory so.
 */
const hostRootOnDisk = 2 ** 32 - 2;

/** A user namespace in which ids from 0 up are those of a range of the host's, and a netns that is its own. */
export function openContainerNamespaces(ids: IDRange): Promise<UserNamespace> {
  return open([`0 ${ids.start} ${ids.size}`], ["--user", "--net"]);
}

/**
 * One for idmapped mounts: what is 0 on the disk is the first id of the range. A directory on the disk may belong to the group of that id
 * itself, to let the container's root through: an id that is not mapped at all would take the host's root every right to it.
 */
export function openMappingNamespace(ids: IDRange): Promise<UserNamespace> {
  const own = ids.start >= ids.size ? [`${ids.start} ${hostRootOnDisk} 1`] : [];
  return open([`0 ${ids.start} ${ids.size}`, `${hostRootOnDisk} 0 1`, ...own], ["--user"]);
}

/** A process enters new namespaces, we map its ids and keep what it is in, and it goes. Never in a thread of our own. */
async function open(map: readonly string[], namespaces: readonly string[]): Promise<UserNamespace> {
  const program = getProgram("unshare");
  try {
    using opened = new DisposableStack();
    const child = await enter(program, namespaces, opened);
    for (const kind of ["uid", "gid"]) writeFileSync(`/proc/${child.pid}/${kind}_map`, `${map.join("\n")}\n`);
    const user = openSync(`/proc/${child.pid}/ns/user`, "r");
    const network = namespaces.includes("--net") ? openSync(`/proc/${child.pid}/ns/net`, "r") : null;
    const pathOf = (fd: number) => `/proc/${process.pid}/fd/${fd}`;
    return {
      user,
      userPath: pathOf(user),
      netnsPath: network === null ? null : pathOf(network),
      [Symbol.dispose]: () => {
        closeSync(user);
        if (network !== null) closeSync(network);
      },
    };
  } catch (cause) {
    throw new EngineError("failed-precondition", `a user namespace cannot be made: ${messageOf(cause)}`, {
      cause,
      hint: "see user.max_user_namespaces (sysctl), or use --userns host",
      exitCode: 125,
    });
  }
}

/** A process in new namespaces, until `opened` is disposed of: cat gives back what it is told once it runs, which is in there. */
async function enter(program: string, namespaces: readonly string[], opened: DisposableStack): Promise<SpawnedProcess> {
  using given = new DisposableStack();
  using kept = new DisposableStack();
  const [stdin, stdout] = [openPipe("read", { given, kept }), openPipe("write", { given, kept })];
  kept.move();
  const input = opened.adopt(new Socket({ fd: stdin.ours, readable: false }), (socket) => socket.destroy());
  const output = opened.adopt(new Socket({ fd: stdout.ours, writable: false }), (socket) => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may be late before anybody waits for it: the start itself takes as long as threads are busy.
  promise.catch(() => {});
  const timer = setTimeout(() => reject(new Error(`unshare did not answer within ${deadline / 1000} s`)), deadline);
  for (const socket of [input, output]) socket.on("error", () => {});
  output.once("data", () => resolve());
  const descriptors = [stdin.theirs, stdout.theirs, null];
  const environment = { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin" };
  try {
    const child = await spawnProcess({ program, args: [...namespaces, "cat"], environment, cwd: "/", descriptors });
    opened.defer(() => {
      if (child.isRunning()) process.kill(child.pid, "SIGKILL");
    });
    void child.ended.then((exitCode) => reject(new Error(`unshare ended with ${exitCode}`)));
    input.write("\n");
    await promise;
    return child;
  } finally {
    clearTimeout(timer);
  }
}
