import * as z from "zod/mini";
import { unlimited } from "./defaults.ts";
import { portBinding } from "./ports.ts";
import { resources, restartPolicy } from "./resources.ts";

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

export const healthStatus = z.enum(["none", "starting", "healthy", "unhealthy"]);

const endpointSummary = z.object({
  networkID: z.string(),
  network: z.string(),
  ipAddress: z.nullable(z.string()),
  ipv6Address: z.nullable(z.string()),
  macAddress: z.nullable(z.string()),
  aliases: z.array(z.string()),
});

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
  /** While it is being stopped: when SIGKILL comes (RFC 3339); `never` for an endless wait. */
  stopDeadline: z.nullable(z.string()),
  /** Why the last start failed, or empty. */
  error: z.string(),
  /** Why it ended badly, in words: what its exit code means, what it said last. */
  reason: z.optional(z.string()),
  pid: z.nullable(z.number()),
  ports: z.array(portBinding),
  /** `80/tcp`: those of the image and of --expose, published or not. */
  exposedPorts: z.optional(z.array(z.string())),
  /** docker's NetworkMode. */
  network: z.string(),
  /** On `network`, or on the first that gives one. */
  ipAddress: z.nullable(z.string()),
  /** Its places on networks; while it does not run, without addresses. */
  endpoints: z.array(endpointSummary),
  /** type `volume`: `name` is the volume's. */
  mounts: z.array(
    z.object({
      type: z.string(),
      source: z.string(),
      target: z.string(),
      readOnly: z.boolean(),
      name: z.optional(z.string()),
    }),
  ),
  labels: z.record(z.string(), z.string()),
  terminal: z.boolean(),
  openStdin: z.boolean(),
  autoRemove: z.boolean(),
  restartPolicy,
  restartCount: z.number(),
  /** Absent from a message where there is no limit. */
  resources: z._default(resources, unlimited),
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
