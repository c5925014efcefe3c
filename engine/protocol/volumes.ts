import * as z from "zod/mini";

const texts = z.record(z.string(), z.string());

export const createVolumeRequest = z.object({
  /** Empty: an anonymous volume, named by 64 hex digits. */
  name: z.string(),
  /** Only `local`. */
  driver: z.string(),
  /** docker's for `local`: `type`, `o`, `device`, given to mount(8) when a container first uses it. */
  options: texts,
  labels: texts,
});
export type CreateVolumeRequest = z.infer<typeof createVolumeRequest>;

/** One row of `gantry volume ls` and of the dashboard. */
export const volumeSummary = z.object({
  name: z.string(),
  driver: z.string(),
  /** Absolute path on the host. */
  mountpoint: z.string(),
  createdAt: z.string(),
  labels: texts,
  options: texts,
  /** Made for a container without a name given; goes with it (`rm -v`, `--rm`), and by `prune`. */
  anonymous: z.boolean(),
  /** Ids of the containers that name it, running or not. */
  usedBy: z.array(z.string()),
  /** Bytes on disk when last looked at, in the background; null: not yet. */
  size: z.nullable(z.number()),
});
export type VolumeSummary = z.infer<typeof volumeSummary>;

/** `volume` params take exact names, as docker's. */
export const volumeMethods = {
  "volumes.list": { params: z.object({}), result: z.array(volumeSummary) },
  /** Gives the one that is there where name, driver and options agree. `already-exists` where they do not. */
  "volumes.create": { params: createVolumeRequest, result: volumeSummary },
  /** docker's inspect JSON. usage: with UsageData, which waits for the measuring where that was never done. */
  "volumes.inspect": {
    params: z.object({ volume: z.string(), usage: z.optional(z.boolean()) }),
    result: z.record(z.string(), z.unknown()),
  },
  /** `failed-precondition` while any container names it. force: a success where there is none. */
  "volumes.remove": { params: z.object({ volume: z.string(), force: z.boolean() }), result: z.object({}) },
  /** Anonymous ones that no container names; with `all` named ones as well. labels: as images.prune. */
  "volumes.prune": {
    params: z.object({ all: z.boolean(), labels: z.array(z.string()), dryRun: z.boolean() }),
    result: z.object({
      removed: z.array(z.object({ name: z.string(), size: z.number() })),
      /** Bytes. */
      bytes: z.number(),
    }),
  },
  /** Its content as an uncompressed tar on the channel `stdout`, then `exit`. */
  "volumes.export": {
    params: z.object({ volume: z.string(), streamID: z.string() }),
    result: z.object({ bytes: z.number() }),
  },
  /** Unpacks a tar (plain, gzip, zstd) into it, over what is there. */
  "volumes.import": {
    params: z.object({ volume: z.string(), streamID: z.string() }),
    result: z.object({ bytes: z.number() }),
  },
} as const;
