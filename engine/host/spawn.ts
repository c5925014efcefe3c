import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { SyscallError } from "./errno.ts";
import { errnoName } from "./syscalls.ts";

export type SpawnOptions = {
  /** Absolute path. */
  readonly program: string;
  /** Without argv[0], which is the program. */
  readonly args: readonly string[];
  /** Nothing of ours is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Descriptors of ours that become its 0, 1, 2, … `null`: /dev/null. It gets no others. They may be closed when the promise is settled. */
  readonly descriptors: readonly (number | null)[];
  /** setsid(2): the leader of a session of its own, without our terminal. */
  readonly newSession?: boolean;
};

export type SpawnedProcess = {
  readonly pid: number;
  /** Exit code, or 128 and the signal's number. Until then the pid is nobody else's. */
  readonly ended: Promise<number>;
  /** Whether its end is not yet known here. */
  readonly isRunning: () => boolean;
};

const libc = koffi.load(null);
/** posix_spawn(3) and its relatives give back an error number. */
const call = {
  spawn: libc.func(
    "int posix_spawn(void *pid, const char *path, const void *actions, const void *attributes, const char **argv, const char **envp)",
  ),
  initActions: libc.func("int posix_spawn_file_actions_init(void *actions)"),
  addDup2: libc.func("int posix_spawn_file_actions_adddup2(void *actions, int from, int to)"),
  destroyActions: libc.func("int posix_spawn_file_actions_destroy(void *actions)"),
  initAttributes: libc.func("int posix_spawnattr_init(void *attributes)"),
  setFlags: libc.func("int posix_spawnattr_setflags(void *attributes, short flags)"),
  setDefaultSignals: libc.func("int posix_spawnattr_setsigdefault(void *attributes, const void *set)"),
  setSignalMask: libc.func("int posix_spawnattr_setsigmask(void *attributes, const void *set)"),
  waitpid: libc.func("int waitpid(int pid, void *status, int options)"),
  pipe2: libc.func("int pipe2(void *descriptors, int flags)"),
};
const addChdir = findAddChdir();

/** More than any C library has for its structures. */
const structureSize = 1024;
const flags = { setSignalDefault: 0x04, setSignalMask: 0x08, setSession: 0x80 } as const;
const closeOnExec = 0o2000000;
const dontWait = 1;
/** What Node has open itself begins at 3; the child's own must not be overwritten before they are given on. */
const leastForeign = 8;

const attributesOf = { own: makeAttributes(0), newSession: makeAttributes(flags.setSession) };
const living = new Map<number, (exitCode: number) => void>();
const status = Buffer.alloc(4);
let isListening = false;
let nowhere: number | null = null;

/**
 * Starts a program. Node's own way copies the tables of all our memory, 1 to 3 ms for 110 MB on the main thread, and the child throws the
 * copy away; posix_spawn(3) borrows them (vfork(2)): 0.2 ms, on a thread of libuv's. Fails with SyscallError.
 */
export async function spawnProcess(options: SpawnOptions): Promise<SpawnedProcess> {
  listen();
  const actions = Buffer.alloc(structureSize);
  check(call.initActions(actions));
  try {
    for (const [to, from] of options.descriptors.entries()) {
      check(call.addDup2(actions, from === null ? openNowhere() : asForeign(from), to));
    }
    const pid = await startElsewhere(actions, options);
    const ended = new Promise<number>((resolve) => living.set(pid, resolve));
    // It may have ended before we knew its name.
    reap();
    return { pid, ended, isRunning: () => living.has(pid) };
  } finally {
    call.destroyActions(actions);
  }
}

function startElsewhere(actions: Buffer, options: SpawnOptions): Promise<number> {
  const { program, args, environment, cwd } = options;
  let argv = [program, ...args];
  if (cwd !== undefined) {
    if (addChdir !== null) check(addChdir(actions, cwd));
    // env(1) of coreutils, where the C library cannot (glibc before 2.29).
    else argv = ["/usr/bin/env", "--chdir", cwd, ...argv];
  }
  const envp = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const attributes = options.newSession === true ? attributesOf.newSession : attributesOf.own;
  const pid = Buffer.alloc(4);
  return new Promise((resolve, reject) => {
    const done = (error: unknown, result: number) => {
      if (error !== null && error !== undefined) reject(error);
      else if (result !== 0) reject(new SyscallError("posix_spawn", errnoName(result)));
      else resolve(pid.readInt32LE(0));
    };
    call.spawn.async(pid, argv[0], actions, attributes, [...argv, null], [...envp, null], done);
  });
}

/** Ends of a pipe(2) between us and a child to come. Each is closed with its stack, also where the next one cannot be had. */
export function openPipe(
  childDoes: "read" | "write",
  { given, kept }: { readonly given: DisposableStack; readonly kept: DisposableStack },
): { readonly theirs: number; readonly ours: number } {
  const ends = Buffer.alloc(8);
  if (call.pipe2(ends, closeOnExec) !== 0) throw new SyscallError("pipe2", errnoName(koffi.errno()));
  const [readEnd, writeEnd] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  const [theirs, ours] = childDoes === "read" ? [readEnd, writeEnd] : [writeEnd, readEnd];
  return { theirs: given.adopt(theirs, closeSync), ours: kept.adopt(ours, closeSync) };
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on("SIGCHLD", reap);
}

/** Takes the ends of all children of ours that have ended (waitpid(2)); those that Node started are Node's. */
function reap(): void {
  for (const [pid, tell] of living) {
    if (call.waitpid(pid, status, dontWait) !== pid) continue;
    living.delete(pid);
    tell(exitCodeOf(status.readInt32LE(0)));
  }
}

/** wait(2): the lowest seven bits are the signal, the next byte is the exit code. */
function exitCodeOf(word: number): number {
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

/** Node ignores SIGPIPE, and who started us may have ignored others: the child begins with no signal ignored or blocked. */
function makeAttributes(more: number): Buffer {
  const attributes = Buffer.alloc(structureSize);
  check(call.initAttributes(attributes));
  // All 64, or glibc has the child ignore 32 and 33, which are its own: a container's processes would inherit that.
  const all = Buffer.alloc(128).fill(0xff, 0, 8);
  check(call.setFlags(attributes, flags.setSignalDefault | flags.setSignalMask | more));
  check(call.setDefaultSignals(attributes, all));
  check(call.setSignalMask(attributes, Buffer.alloc(128)));
  return attributes;
}

function asForeign(descriptor: number): number {
  if (descriptor >= leastForeign) return descriptor;
  throw new RangeError(`descriptor ${descriptor} would be overwritten on its way`);
}

function openNowhere(): number {
  nowhere ??= openSync("/dev/null", "r+");
  return nowhere;
}

function findAddChdir(): ((actions: Buffer, path: string) => number) | null {
  try {
    return libc.func("int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)");
  } catch {
    return null;
  }
}

function check(error: number): void {
  if (error !== 0) throw new SyscallError("posix_spawn", errnoName(error));
}
