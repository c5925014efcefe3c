import type { Resources } from "../protocol/resources.ts";
import type { CheckpointOptions } from "./checkpoint.ts";

/** OCI runtime spec 1.0.2 (`config.json`). Built by spec/, read by runc or crun only. */
export type RuntimeSpec = Readonly<Record<string, unknown>>;

export type LaunchOptions = {
  readonly id: string;
  /** Directory with config.json; conmon puts attach, ctl and winsz beside it. */
  readonly bundle: string;
  readonly terminal: boolean;
  readonly openStdin: boolean;
  /** Close stdin when the first attached client that sends ends; a terminal's stays open. */
  readonly stdinOnce: boolean;
  /** Null: its output is kept nowhere. */
  readonly logPath: string | null;
  /** Directory of a checkpoint to go on from: the process runs when `create` answers, and there is nothing to start. */
  readonly checkpoint?: string | undefined;
  /** Absent or empty: the engine's choice. */
  readonly runtime?: string;
  /** `cgroupsPath` of the spec, where it is not below the engine's own parent. */
  readonly cgroupPath?: string | undefined;
  /** Called when the runtime is at work, for what can be done beside it; must not fail. */
  readonly onBegun?: () => void;
};

/** A created process that waits for `start`. Pids as the host sees them. */
export type LaunchedProcess = { readonly pid: number; readonly conmonPid: number };

/** A connection to the stdio of a process, through conmon's attach socket. */
export interface AttachSession extends AsyncDisposable {
  /**
   * `stream` is 1 for stdout, 2 for stderr. The bytes are valid for the call only. Return false to ask for a pause (slow
   * client): no more comes until resume().
   */
  onOutput(listener: (stream: 1 | 2, bytes: Buffer) => boolean): void;
  resume(): void;
  /** conmon closed: the process has ended and all its output was given to the listener. */
  onEnd(listener: () => void): void;
  /** Waits for the kernel to take it. */
  write(bytes: Uint8Array): Promise<void>;
  /** End of stdin. */
  endInput(): void;
  /** Does nothing where the process has no terminal. */
  resize(rows: number, columns: number): Promise<void>;
}

export type ExecOptions = {
  readonly container: string;
  /** The container's bundle directory (its config.json tells the defaults: env, cwd, user, capabilities). */
  readonly bundle: string;
  readonly execID: string;
  readonly command: readonly string[];
  readonly terminal: boolean;
  readonly openStdin: boolean;
  readonly environment: readonly string[];
  readonly workingDirectory: string | null;
  /** Resolved in the container's own /etc/passwd. */
  readonly user: string | null;
  readonly privileged: boolean;
  readonly rows: number | null;
  readonly columns: number | null;
  /** Seconds after which it is killed, whether an engine is there or not; absent: it may run for ever. */
  readonly limit?: number | undefined;
};

export interface ExecSession {
  readonly pid: number;
  readonly attached: AttachSession;
  /** Kills the process and those of its group. Does nothing where it has ended. */
  kill(): void;
  /** Resolves when the process has ended; 126 and 127 as docker's where it could not be started. */
  readonly exitCode: Promise<number>;
}

export type RuntimeState = {
  readonly status: "creating" | "created" | "running" | "paused" | "stopped";
  readonly pid: number;
};

/** `oomKilled` where conmon or the cgroup saw it. */
export type ExitRecord = {
  readonly id: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly at: Date;
};

/**
 * Runs OCI bundles with conmon and runc or crun. Knows nothing of images, records or names. Every call of a runtime program
 * has a deadline. An exit is told once through onExit, also one that happened while the engine was down (its exit file stays in
 * `<run>/exits/` until forget()).
 */
export interface ContainerRuntime extends AsyncDisposable {
  readonly program: "runc" | "crun";
  readonly version: string;
  /** Ways out of a container that this version is known for: a sentence, or null. */
  readonly knownEscapes: string | null;
  /** Tells that a process will be started in a moment, so that the kernel is ready for it: see CgroupTurn. */
  expectProcess(): void;
  /** Text of config.json for a container that create() is called for next; `runtime` as there. */
  formatSpec(id: string, spec: RuntimeSpec, runtime?: string): string;
  /** conmon + `create`. Fails with what the runtime said, exitCode 126 or 127 where the command is at fault, 125 else. */
  create(options: LaunchOptions): Promise<LaunchedProcess>;
  start(id: string): Promise<void>;
  /** Signal number to the main process, or to all in the container. A success if it is gone. */
  kill(id: string, signal: number, all: boolean): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /**
   * Changes limits of a container that runs, live, all or none: `resources` is what it is to have from now on, so whoever changes some gives
   * the others as they were. null and empty lists are left as they are; -1 takes a limit away (swap, pids, quota). Gives warnings about what
   * this host cannot do. Fails as `create` does for limits that make no sense, with `failed-precondition` where the kernel refuses one.
   * whole: memory, time, processors and processes that are null become free of limits, for those that were taken away or cut off.
   */
  update(
    id: string,
    resources: Resources,
    options?: { readonly whole?: boolean },
  ): Promise<{ readonly warnings: readonly string[] }>;
  /** Fails with `unimplemented`, in one sentence, where this host cannot take checkpoints. */
  checkCheckpoints(): Promise<void>;
  checkpoint(id: string, options: CheckpointOptions): Promise<void>;
  /** Removes the runtime's own record and cgroup, killing what is left. A success if it is gone. */
  delete(id: string): Promise<void>;
  /** Null where the runtime knows no such container. */
  state(id: string): Promise<RuntimeState | null>;
  /** Whether the kernel keeps its processes frozen: a look at its cgroup, without the time of a runtime program. */
  isFrozen(id: string): boolean;
  list(): Promise<readonly string[]>;
  /** Ends what an engine that was killed left in the middle of making a container, but for containers that live. Before list(). */
  endStrays(living: readonly string[]): Promise<void>;
  attach(bundle: string): Promise<AttachSession>;
  exec(options: ExecOptions): Promise<ExecSession>;
  /** Pids on the host of all processes in the container. */
  processes(id: string): Promise<readonly number[]>;
  /** Begins watching the exit directory; a container that ended before is told in the same way. */
  onExit(listener: (exit: ExitRecord) => void): void;
  /** The exit on record, or null. */
  findExit(id: string): ExitRecord | null;
  /** Drops the exit record of a container, before the next start or after removal. */
  forget(id: string): void;
  /** True while the conmon of this container lives. */
  isSupervised(id: string): boolean;
}
