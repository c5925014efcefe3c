import type { Capability } from "../../host/capabilities.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";
import type { OciSeccomp } from "../seccomp.ts";
import type { BlockDevices } from "./block-devices.ts";
import type { Joined } from "./namespaces.ts";

/** The part of an image's config that says how to run it; the same shape as the images service gives. */
export type ImageDefaults = {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
};

/** Who the process is; see user.ts. */
export type ResolvedUser = {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly additionalGids: readonly number[];
};

/** A device node as it is on the host. */
export type ResolvedDevice = {
  /** In the container. */
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
  /** Letters of `rwm`. */
  readonly permissions: string;
};

/** Limits that come and go with kernel versions, their options and cgroup v2. */
export type LimitKind = "swappiness" | "oom-kill-disable" | "cpu-realtime" | "blkio-weight" | "blkio-throttle";

/** What the host and this engine's own rights allow. */
export type HostFacts = {
  readonly architecture: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly capabilities: readonly Capability[];
  /** Whether cgroup namespaces exist. */
  readonly cgroupNamespace: boolean;
  /** Controllers in reach, by their v1 names (`blkio` for v2's io). */
  readonly controllers: ReadonlySet<string>;
  /** memory.memsw or memory.swap can be set. */
  readonly swapAccounting: boolean;
  /** What else of limits the host's cgroups can do. */
  readonly limits: ReadonlySet<LimitKind>;
  /** Hard limits of this process by name without RLIMIT_; null: unlimited. */
  readonly hardLimits: ReadonlyMap<string, number | null>;
  readonly oomScoreAdj: number;
  /** Files under /proc/sys that docker's default sysctls need are there. */
  readonly networkSysctls: boolean;
  /** Directories under /sys/devices/system/cpu with a thermal_throttle directory. */
  readonly thermalThrottlePaths: readonly string[];
};

export type SpecInput = {
  readonly request: CreateRequest;
  readonly image: ImageDefaults;
  readonly user: ResolvedUser;
  /** Absolute path of the mounted file system. */
  readonly rootfs: string;
  /** Null: the host's own. */
  readonly netnsPath: string | null;
  readonly hostname: string;
  /** `/<parent>/<id>` */
  readonly cgroupsPath: string;
  readonly host: HostFacts;
  /** Files of the host to mount at /etc/hosts, /etc/resolv.conf and /etc/hostname; null: the image's own. */
  readonly files: {
    readonly hosts: string | null;
    readonly resolvConf: string | null;
    readonly hostname: string | null;
  };
  /** Static init on the host, for `--init`. */
  readonly initProgram: string | null;
  readonly devices: readonly ResolvedDevice[];
  /** Those that limits name. */
  readonly blockDevices: BlockDevices;
  /** Null: unconfined. */
  readonly seccomp: OciSeccomp | null;
  /** AppArmor profile; absent where the kernel has no AppArmor. */
  readonly apparmor?: string | null;
  /** What namespace modes other than the plain ones have found. */
  readonly joined?: Joined;
};

/** Something that was asked for and cannot be had on this host is left out, with a sentence. */
export type Warn = (warning: string) => void;
