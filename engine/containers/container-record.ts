import * as z from "zod/mini";
import { containerStatus } from "../protocol/containers.ts";
import { createRequest, healthcheck, mountRequest } from "../protocol/create-request.ts";
import { portRequest } from "../protocol/ports.ts";

const resolvedMount = z.extend(mountRequest, {
  /** A volume that was asked for by its name. */
  isNamed: z.boolean(),
});
/** A mount whose source is known: of a volume, its name. */
export type ResolvedMount = z.infer<typeof resolvedMount>;

/** What a request came to once the image was known. Fixed for the container's life. */
const resolution = z.object({
  /** Lowest first. */
  chain: z.array(z.string()),
  image: z.object({
    entrypoint: z.array(z.string()),
    command: z.array(z.string()),
    environment: z.array(z.string()),
    user: z.string(),
    workingDirectory: z.string(),
  }),
  /** Entrypoint, then command: what is run. */
  args: z.array(z.string()),
  /** Of these, how many are the entrypoint's. */
  entrypointLength: z.number(),
  /** `NAME=value`, the image's and the request's merged. */
  environment: z.array(z.string()),
  workingDirectory: z.string(),
  user: z.string(),
  hostname: z.string(),
  /** The image's and the request's. */
  labels: z.record(z.string(), z.string()),
  ports: z.array(portRequest),
  /** `80/tcp` */
  exposedPorts: z.array(z.string()),
  /** Absolute paths. */
  volumes: z.array(z.string()),
  /** With volumes of the image and of other containers, and names for anonymous ones; absent: as asked. */
  mounts: z.optional(z.array(resolvedMount)),
  stopSignal: z.string(),
  /** The image's and the request's merged, defaults still 0; null or absent: none. */
  healthcheck: z.optional(z.nullable(healthcheck)),
  /** Runs a health check in shell form. */
  shell: z.optional(z.array(z.string())),
});
export type Resolution = Readonly<z.infer<typeof resolution>>;

const containerState = z.object({
  status: containerStatus,
  pid: z.nullable(z.number()),
  conmonPid: z.nullable(z.number()),
  /** RFC 3339; null where it has not happened. */
  startedAt: z.nullable(z.string()),
  finishedAt: z.nullable(z.string()),
  exitCode: z.nullable(z.number()),
  oomKilled: z.boolean(),
  /** Why the last start failed, or empty. */
  error: z.string(),
  restartCount: z.number(),
  /** By a person: the restart policy leaves it alone. */
  stoppedByHand: z.boolean(),
  /** The boot of the host in which it was started last. */
  bootID: z.string(),
  /** Its processes stand still for a commit, and for no longer. */
  frozen: z.optional(z.boolean()),
  /** Its limits are being changed: what is in force may be neither the old nor the new ones. */
  updating: z.optional(z.boolean()),
  /** It is being restarted by hand: its end takes it not away (--rm), and it starts again, if need be by the next engine. */
  comingBack: z.optional(z.boolean()),
  /** Milliseconds of the last pause before a restart by policy; 0: none since it was started by hand. */
  restartDelay: z._default(z.number(), 0),
  /** In words why it ended, where it ended badly. */
  reason: z._default(z.string(), ""),
});
export type ContainerState = Readonly<z.infer<typeof containerState>>;

const storedRequest = z.object({ request: createRequest, resolution });

export type ContainerRecord = {
  readonly id: string;
  readonly name: string;
  readonly imageID: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly request: Readonly<z.infer<typeof createRequest>>;
  readonly resolution: Resolution;
  readonly state: ContainerState;
};

export const initialState: ContainerState = {
  status: "created",
  pid: null,
  conmonPid: null,
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  oomKilled: false,
  error: "",
  restartCount: 0,
  stoppedByHand: false,
  bootID: "",
  restartDelay: 0,
  reason: "",
};

/** A row of the table `containers`. */
export type ContainerRow = {
  readonly id: string;
  readonly name: string;
  readonly image_id: string;
  readonly created_at: string;
  readonly request: string;
  readonly state: string;
};

/** Throws what zod or JSON say where the row was not written by this version. */
export function parseRow(row: ContainerRow): ContainerRecord {
  const { request, resolution: resolved } = storedRequest.parse(JSON.parse(row.request));
  return {
    id: row.id,
    name: row.name,
    imageID: row.image_id,
    createdAt: row.created_at,
    request,
    resolution: resolved,
    state: containerState.parse(JSON.parse(row.state)),
  };
}

export function formatRow(record: ContainerRecord): ContainerRow {
  return {
    id: record.id,
    name: record.name,
    image_id: record.imageID,
    created_at: record.createdAt,
    request: JSON.stringify({ request: record.request, resolution: record.resolution }),
    state: JSON.stringify(record.state),
  };
}
