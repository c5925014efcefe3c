import * as z from "zod/mini";
import { portRequest } from "./ports.ts";
import { resources, restartPolicy } from "./resources.ts";

/** The kernel and the runtimes know no fractions. */
const whole = z.number().check(z.int());
const texts = z.record(z.string(), z.string());

export const mountRequest = z.object({
  type: z.enum(["bind", "tmpfs", "volume"]),
  /** bind: absolute host path. tmpfs: empty. volume: its name, made where there is none; empty: an anonymous one. */
  source: z.string(),
  /** Absolute path in the container. */
  target: z.string(),
  readOnly: z.boolean(),
  /** bind only: rprivate (default), rslave, rshared, private, slave, shared. */
  propagation: z.optional(z.string()),
  /** True for -v and --tmpfs, false for --mount: -v makes a bind's missing source directory, --mount refuses it; inspect shows them apart. */
  createSource: z.boolean(),
  /** bind only: mounts below the source are not taken along (`bind-recursive=disabled`). */
  nonRecursive: z.optional(z.boolean()),
  /** bind and readOnly only: mounts below the source are read-only, too, where the runtime can (default), or else fail, or never are. */
  recursiveReadOnly: z.optional(z.enum(["if-possible", "always", "never"])),
  /** tmpfs only: mount options such as `size=64m`, `mode=1777`, `noexec`. */
  options: z.array(z.string()),
  /** volume only. */
  volume: z.optional(
    z.object({
      /** Do not fill an empty volume with what the image has at the target. */
      noCopy: z.boolean(),
      /** A path inside the volume to mount instead of its root; empty: the root. */
      subpath: z.string(),
      /** For a volume that has to be made. */
      driver: z.string(),
      driverOptions: texts,
      labels: texts,
    }),
  ),
});
export type MountRequest = z.infer<typeof mountRequest>;

const ulimit = z.object({ name: z.string(), soft: whole, hard: whole });
const deviceRequest = z.object({
  hostPath: z.string(),
  containerPath: z.string(),
  /** Letters of `rwm`. */
  permissions: z.string(),
});
export type DeviceRequest = z.infer<typeof deviceRequest>;

/** `--security-opt seccomp=`: the default profile, none, or the text of a profile in docker's or OCI's format. */
const seccompChoice = z.union([
  z.object({ kind: z.literal("default") }),
  z.object({ kind: z.literal("unconfined") }),
  z.object({ kind: z.literal("custom"), profile: z.string() }),
]);
export type SeccompChoice = z.infer<typeof seccompChoice>;

/** A container's wishes for one network. Addresses absent: the engine chooses. */
export const endpointSettings = z.object({
  /** Further names on this network, beside the container's own name and short id. */
  aliases: z.array(z.string()),
  /** docker's links, `container:alias`: names that only this container finds another by, on this network. */
  links: z.optional(z.array(z.string())),
  ipv4Address: z.optional(z.string()),
  ipv6Address: z.optional(z.string()),
  macAddress: z.optional(z.string()),
  /** Further addresses, of 169.254.0.0/16 or fe80::/64 (docker's --link-local-ip). */
  linkLocalIPs: z.optional(z.array(z.string())),
});
export type EndpointSettings = z.infer<typeof endpointSettings>;

/** docker's HEALTHCHECK. Times in nanoseconds; 0 takes docker's default (30 s, 30 s, 3 retries, 0 s, 5 s). */
export const healthcheck = z.object({
  /** `["NONE"]`; `["CMD", …words]`; `["CMD-SHELL", text]`; empty: the image's. */
  test: z.array(z.string()),
  interval: whole,
  timeout: whole,
  retries: whole,
  startPeriod: whole,
  startInterval: whole,
});
export type Healthcheck = z.infer<typeof healthcheck>;

/** Kept where driver is empty: the engine's default, `json-file` with 5 files of 20 MB. */
const logChoice = z.object({
  driver: z.enum(["", "local", "json-file", "none"]),
  /** docker's: `max-size`, `max-file`, `compress`, … */
  options: texts,
});
export type LogChoice = z.infer<typeof logChoice>;

/** What a user asks for: stored as asked, resolved against the image at creation. Later fields have defaults: older records lack them. */
export const createRequest = z.object({
  name: z.optional(z.string()),
  image: z.string(),
  /** Absent: the image's CMD. */
  command: z.optional(z.array(z.string())),
  /** Absent: the image's ENTRYPOINT; empty: none. */
  entrypoint: z.optional(z.array(z.string())),
  /** `NAME=value`, later wins. */
  environment: z.array(z.string()),
  workingDirectory: z.optional(z.string()),
  user: z.optional(z.string()),
  groupAdd: z.array(z.string()),
  hostname: z.optional(z.string()),
  domainname: z._default(z.string(), ""),
  terminal: z.boolean(),
  openStdin: z.boolean(),
  /** stdin closes when the first client that sent to it goes (docker's StdinOnce). */
  stdinOnce: z.boolean(),
  mounts: z.array(mountRequest),
  /** `container[:ro|rw]`: all its mounts and volumes. */
  volumesFrom: z._default(z.array(z.string()), []),
  ports: z.array(portRequest),
  publishAll: z.boolean(),
  /** Ports beside those the image exposes, `80/tcp`: publishAll publishes them as well. */
  expose: z.optional(z.array(z.string().check(z.regex(/^\d{1,5}\/(tcp|udp|sctp)$/)))),
  /** docker's NetworkMode: `bridge`, `none`, `host`, `container:NAME`, or a network's name or id: where it gets its default route. */
  network: z.string(),
  /** By network name or id. `network` need not be among them; others are joined as well. */
  endpoints: z._default(z.record(z.string(), endpointSettings), {}),
  /** Of the place on `network`, also where it is left and joined again (docker's Config.MacAddress). */
  macAddress: z.optional(z.string()),
  /** docker's `--link`, `container[:alias]`. */
  links: z.optional(z.array(z.string())),
  dns: z.array(z.string()),
  dnsSearch: z.array(z.string()),
  dnsOptions: z.array(z.string()),
  extraHosts: z.array(z.object({ name: z.string(), address: z.string() })),
  labels: texts,
  annotations: z._default(texts, {}),
  restartPolicy,
  autoRemove: z.boolean(),
  init: z.boolean(),
  healthcheck: z._default(z.nullable(healthcheck), null),
  log: z._default(logChoice, { driver: "", options: {} }),
  readOnlyRootfs: z.boolean(),
  privileged: z.boolean(),
  capAdd: z.array(z.string()),
  capDrop: z.array(z.string()),
  noNewPrivileges: z.boolean(),
  seccomp: seccompChoice,
  /** AppArmor profile, `unconfined`, or empty: the engine's own where the kernel has AppArmor. */
  apparmor: z._default(z.string(), ""),
  /** `systempaths=unconfined`: nothing of /proc and /sys is masked or read-only. */
  unmaskedPaths: z._default(z.boolean(), false),
  ulimits: z.array(ulimit),
  devices: z.array(deviceRequest),
  /** `c 13:* rwm` */
  deviceCgroupRules: z._default(z.array(z.string()), []),
  /** `` and `private`: its own. `host`. `container:NAME` (ipc, pid). `shareable` (ipc). */
  ipcMode: z._default(z.string(), ""),
  pidMode: z._default(z.string(), ""),
  utsMode: z._default(z.string(), ""),
  cgroupnsMode: z._default(z.string(), ""),
  /** `` and `host`: ids are the host's. `auto[:size=N]`: a range of ids of its own, nobody on the host. */
  usernsMode: z._default(z.string(), ""),
  /** Absolute, below the hierarchies' root; empty: the engine's own. */
  cgroupParent: z._default(z.string(), ""),
  /** `runc` or `crun`; empty: the engine's choice. */
  runtime: z._default(z.string(), ""),
  resources,
  sysctls: texts,
  shmSize: z.nullable(whole),
  oomScoreAdj: z.nullable(whole),
  stopSignal: z.optional(z.string()),
  /** Seconds between the stop signal and SIGKILL. */
  stopTimeout: z.optional(whole),
  /** What a docker client asked for that has no effect here, as nor has it with docker on this host: its inspect shows it. */
  kept: z.optional(
    z.object({ config: z.record(z.string(), z.unknown()), hostConfig: z.record(z.string(), z.unknown()) }),
  ),
});
export type CreateRequest = z.infer<typeof createRequest>;
