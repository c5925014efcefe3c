import * as z from "zod/mini";

/** Docker's words for a container's status, in its order of life. */
export const containerStatus = z.enum([
  "created",
  "running",
  "paused",
  "restarting",
  "exited",
  /** Being removed, or a removal failed and can be tried again. */
  "removing",
  "dead",
]);
export type ContainerStatus = z.infer<typeof containerStatus>;

const healthStatus = z.enum(["none", "starting", "healthy", "unhealthy"]);

const transportProtocol = z.enum(["tcp", "udp", "sctp"]);
export type TransportProtocol = z.infer<typeof transportProtocol>;

/** The kernel and the runtimes know no fractions. */
const whole = z.number().check(z.int());

/** A port asked for. hostPort null: the engine picks a free one. hostAddress empty: all addresses. */
export const portRequest = z.object({
  hostAddress: z.string(),
  hostPort: z.nullable(z.number().check(z.int(), z.minimum(1), z.maximum(65535))),
  /** The engine takes the first free one from hostPort to this. */
  hostPortLast: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(65535))),
  containerPort: z.number().check(z.int(), z.minimum(1), z.maximum(65535)),
  protocol: transportProtocol,
});
export type PortRequest = z.infer<typeof portRequest>;

/** A port in force. */
export const portBinding = z.object({
  hostAddress: z.string(),
  hostPort: z.number(),
  containerPort: z.number(),
  protocol: transportProtocol,
});
export type PortBinding = z.infer<typeof portBinding>;

const mountRequest = z.object({
  type: z.enum(["bind", "tmpfs"]),
  /** bind: absolute host path. tmpfs: empty. */
  source: z.string(),
  /** Absolute path in the container. */
  target: z.string(),
  readOnly: z.boolean(),
  /** bind only: rprivate (default), rslave, rshared, private, slave, shared. */
  propagation: z.optional(z.string()),
  /** -v makes a missing source directory, --mount refuses it. */
  createSource: z.boolean(),
  /** tmpfs only: mount options such as `size=64m`, `mode=1777`, `noexec`. */
  options: z.array(z.string()),
});
export type MountRequest = z.infer<typeof mountRequest>;

const restartPolicy = z.object({
  name: z.enum(["no", "on-failure", "always", "unless-stopped"]),
  /** on-failure only; 0 is without limit. */
  maximumRetryCount: whole,
});
export type RestartPolicy = z.infer<typeof restartPolicy>;

/** Limits; null is without limit. Bytes, or CPUs in billionths of one CPU (docker's NanoCpus). */
const resources = z.object({
  memory: z.nullable(whole),
  /** Memory plus swap; -1 without limit. */
  memorySwap: z.nullable(whole),
  memoryReservation: z.nullable(whole),
  nanoCpus: z.nullable(whole),
  cpuShares: z.nullable(whole),
  cpusetCpus: z.nullable(z.string()),
  pidsLimit: z.nullable(whole),
});
export type Resources = z.infer<typeof resources>;

export const unlimited: Resources = {
  memory: null,
  memorySwap: null,
  memoryReservation: null,
  nanoCpus: null,
  cpuShares: null,
  cpusetCpus: null,
  pidsLimit: null,
};

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

/** What a user asks for: stored as asked, resolved against the image at creation. */
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
  terminal: z.boolean(),
  openStdin: z.boolean(),
  /** stdin closes when the first client that sent to it goes (docker's StdinOnce). */
  stdinOnce: z.boolean(),
  mounts: z.array(mountRequest),
  ports: z.array(portRequest),
  publishAll: z.boolean(),
  /** Ports beside those the image exposes, `80/tcp`: publishAll publishes them as well. */
  expose: z.optional(z.array(z.string().check(z.regex(/^\d{1,5}\/(tcp|udp|sctp)$/)))),
  network: z.enum(["bridge", "none", "host"]),
  dns: z.array(z.string()),
  dnsSearch: z.array(z.string()),
  dnsOptions: z.array(z.string()),
  extraHosts: z.array(z.object({ name: z.string(), address: z.string() })),
  labels: z.record(z.string(), z.string()),
  restartPolicy,
  autoRemove: z.boolean(),
  init: z.boolean(),
  readOnlyRootfs: z.boolean(),
  privileged: z.boolean(),
  capAdd: z.array(z.string()),
  capDrop: z.array(z.string()),
  noNewPrivileges: z.boolean(),
  seccomp: seccompChoice,
  ulimits: z.array(ulimit),
  devices: z.array(deviceRequest),
  resources,
  sysctls: z.record(z.string(), z.string()),
  shmSize: z.nullable(whole),
  oomScoreAdj: z.nullable(whole),
  stopSignal: z.optional(z.string()),
  /** Seconds between the stop signal and SIGKILL. */
  stopTimeout: z.optional(whole),
});
export type CreateRequest = z.infer<typeof createRequest>;

/** Everything absent; `image` has to be filled in. */
export function emptyCreateRequest(image: string): CreateRequest {
  return {
    image,
    environment: [],
    groupAdd: [],
    terminal: false,
    openStdin: false,
    stdinOnce: false,
    mounts: [],
    ports: [],
    publishAll: false,
    network: "bridge",
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    labels: {},
    restartPolicy: { name: "no", maximumRetryCount: 0 },
    autoRemove: false,
    init: false,
    readOnlyRootfs: false,
    privileged: false,
    capAdd: [],
    capDrop: [],
    noNewPrivileges: false,
    seccomp: { kind: "default" },
    ulimits: [],
    devices: [],
    resources: unlimited,
    sysctls: {},
    shmSize: null,
    oomScoreAdj: null,
  };
}

/** One row of `gantry ps` and of the dashboard: a snapshot, taken without waiting for the container. */
export const containerSummary = z.object({
  id: z.string(),
  name: z.string(),
  /** As the user wrote it. */
  image: z.string(),
  imageID: z.string(),
  /** Entrypoint and command as run. */
  command: z.array(z.string()),
  /** RFC 3339; null where it has not happened. */
  createdAt: z.string(),
  startedAt: z.nullable(z.string()),
  finishedAt: z.nullable(z.string()),
  status: containerStatus,
  health: healthStatus,
  exitCode: z.nullable(z.number()),
  oomKilled: z.boolean(),
  /** Why the last start failed, or empty. */
  error: z.string(),
  pid: z.nullable(z.number()),
  ports: z.array(portBinding),
  network: z.string(),
  ipAddress: z.nullable(z.string()),
  mounts: z.array(z.object({ type: z.string(), source: z.string(), target: z.string(), readOnly: z.boolean() })),
  labels: z.record(z.string(), z.string()),
  terminal: z.boolean(),
  openStdin: z.boolean(),
  autoRemove: z.boolean(),
  restartPolicy,
  restartCount: z.number(),
  resources,
});
export type ContainerSummary = z.infer<typeof containerSummary>;

const size = z.number().check(z.int(), z.minimum(0), z.maximum(65535));

export const execRequest = z.object({
  /** Name, id or a unique prefix of the id. */
  container: z.string(),
  command: z.array(z.string()),
  terminal: z.boolean(),
  openStdin: z.boolean(),
  environment: z.array(z.string()),
  workingDirectory: z.optional(z.string()),
  user: z.optional(z.string()),
  privileged: z.boolean(),
  /** Size of the terminal at the start. */
  rows: z.optional(size),
  columns: z.optional(size),
  /** Absent: detached, nobody reads its output. */
  streamID: z.optional(z.string()),
});
export type ExecRequest = z.infer<typeof execRequest>;

/** What a container changed in its writable layer (docker diff). */
export const fileChange = z.object({
  path: z.string(),
  kind: z.enum(["added", "changed", "deleted"]),
  /** Bytes; 0 for directories and deletions. */
  size: z.number(),
  type: z.enum(["file", "directory", "symlink", "other"]),
});
export type FileChange = z.infer<typeof fileChange>;

/** ps(1) of a container: titles and a row a process, pids as the host sees them. */
export const topResult = z.object({ titles: z.array(z.string()), processes: z.array(z.array(z.string())) });
