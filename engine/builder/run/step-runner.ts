import type { Resources } from "../../protocol/resources.ts";
import type { RunMount } from "../dockerfile/types.ts";

/** A mount of RUN with its source at hand: an absolute path of the host, resolved, of nobody who could change it meanwhile. */
export type StepMount =
  /** What is written into one that is not read-only stays in its source. */
  | { readonly type: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: number | null }
  /** content: never on a disk; a tmpfs file of its own that goes with the step. */
  | {
      readonly type: "secret";
      readonly content: Uint8Array;
      readonly target: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: "ssh";
      /** The agent's socket on the host. */
      readonly socket: string;
      readonly target: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** One RUN. */
export type StepWish = {
  /** 64 hex digits, unique: name of its cgroup, runtime record and sandbox, as a container's id. */
  readonly id: string;
  /** Absolute, mounted, writable. */
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly mounts: readonly StepMount[];
  /** `default`, `none`, `host`, or a network's name. */
  readonly network: string;
  /** `--security=insecure` */
  readonly isPrivileged: boolean;
  readonly extraHosts: readonly { readonly name: string; readonly address: string }[];
  readonly resources: Resources;
  readonly shmSize: number | null;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly cgroupParent: string;
};

export type StepWork = {
  /** Aborted: all its processes are killed and `run` fails with `cancelled`. */
  readonly signal: AbortSignal;
  /** Bytes are valid for the call only. Return a promise to slow the process down. */
  readonly onOutput: (stream: 1 | 2, bytes: Buffer) => void | Promise<void>;
};

export type StepEnd = {
  /** 126 and 127 also of a command that could not be started: the reason, in docker's words, is its only output then. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Absolute paths where something was mounted, /proc and /etc/resolv.conf among them: what is empty there is no part of the layer. */
  readonly mountPoints: readonly string[];
};

/**
 * Runs commands of a build in containers of their own, with the engine's default isolation. Nothing of one is left when `run` has ended,
 * also when it failed; what an engine that was killed left is ended by `sweep`.
 */
export interface StepRunner {
  run(wish: StepWish, work: StepWork): Promise<StepEnd>;
  /** Ends what earlier engines left. Before the first run. */
  sweep(): Promise<void>;
}

/** Directories of `--mount=type=cache`, kept between builds below `<root>/build/mounts/`. */
export interface CacheMounts {
  /**
   * Gives the directory of a cache, filled from `initial` where it is new (a tree of the host), and keeps it from sweeps until disposed.
   * `locked` waits for who has it; `private` gives another directory while one is taken. origin: what the tree is, e.g. its chain; with
   * another one it is another cache.
   */
  open(
    mount: Extract<RunMount, { type: "cache" }>,
    initial: string | null,
    signal: AbortSignal,
    origin?: string | null,
  ): Promise<AsyncDisposable & { readonly path: string }>;
}
