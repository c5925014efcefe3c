import * as z from "zod/mini";

const removal = z.object({
  id: z.string(),
  /** Names it bore, familiar; empty for a dangling image. */
  references: z.array(z.string()),
  createdAt: z.string(),
  /** Bytes that go with it and with those before it in the list. */
  size: z.number(),
});
export type Removal = z.infer<typeof removal>;

const imageUsage = z.object({
  id: z.string(),
  references: z.array(z.string()),
  createdAt: z.string(),
  size: z.number(),
  sharedSize: z.number(),
  uniqueSize: z.number(),
  containers: z.number(),
});
const containerUsage = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  command: z.string(),
  status: z.string(),
  createdAt: z.string(),
  /** Bytes of its writable layer. */
  size: z.number(),
  /** Bytes of its log. */
  logSize: z.number(),
});
const volumeUsage = z.object({
  name: z.string(),
  driver: z.string(),
  /** Containers that name it. */
  links: z.number(),
  /** Bytes; null where it is not ours to measure (driver options), docker's -1. */
  size: z.nullable(z.number()),
});
const usage = z.object({
  total: z.number(),
  active: z.number(),
  /** Bytes. */
  size: z.number(),
  reclaimable: z.number(),
});

export const diskUsage = z.object({
  images: z.extend(usage, { items: z.array(imageUsage) }),
  containers: z.extend(usage, { items: z.array(containerUsage) }),
  volumes: z.extend(usage, { items: z.array(volumeUsage) }),
  /** Compressed layers, manifests and configs as they came: what a push needs. Reclaimable: held by no image. */
  blobs: usage,
});
export type DiskUsage = z.infer<typeof diskUsage>;

const fsckFinding = z.object({
  /** What it is about: a blob's digest, a layer's diffID, an image's, a container's or a volume's name, `database`. */
  object: z.string(),
  kind: z.enum(["blob", "layer", "image", "container", "volume", "network", "mount", "database"]),
  problem: z.string(),
  /** What was done or would be: `removed; pull nginx:latest again`. Empty where a person must act, see `hint`. */
  repair: z.string(),
  hint: z.string(),
});
export type FsckFinding = z.infer<typeof fsckFinding>;
const fsckReport = z.object({
  blobs: z.number(),
  layers: z.number(),
  images: z.number(),
  bytes: z.number(),
  findings: z.array(fsckFinding),
});
export type FsckReport = z.infer<typeof fsckReport>;

export const upkeepMethods = {
  /**
   * Removes images that no container uses: dangling ones, or with `all` any. until: only those made before (RFC 3339).
   * labels: `key`, `key=value`, with `!` before it for those without. dryRun: says what would go.
   */
  "images.prune": {
    params: z.object({
      all: z.boolean(),
      until: z.nullable(z.string()),
      labels: z.array(z.string()),
      dryRun: z.boolean(),
    }),
    result: z.object({ removed: z.array(removal), bytes: z.number() }),
  },
  "system.diskUsage": { params: z.object({}), result: diskUsage },
  /** Reads every byte of the store. repair: takes away what is damaged, so that a new pull or load brings it back. */
  "system.fsck": {
    params: z.object({ repair: z.boolean() }),
    result: fsckReport,
  },
} as const;
