import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { EngineError, messageOf } from "../errors.ts";
import { forkTurn } from "./fork-turn.ts";
import type { IDRange } from "./id-ranges.ts";
import { getProgram } from "./programs.ts";

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
  await forkTurn();
  const child = spawn(program, [...namespaces, "cat"], { stdio: ["pipe", "pipe", "ignore"], cwd: "/" });
  using opened = new DisposableStack();
  opened.defer(() => child.kill("SIGKILL"));
  try {
    await entered(child);
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

/** cat gives back what it is told once it runs, which is in the new namespaces. */
async function entered(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`unshare did not answer within ${deadline / 1000} s`)), deadline);
  child.once("error", reject);
  child.once("close", (code) => reject(new Error(`unshare ended with ${code}`)));
  const [input, output] = [child.stdin as Writable, child.stdout as Readable];
  input.on("error", () => {});
  output.once("data", () => resolve());
  input.write("\n");
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
