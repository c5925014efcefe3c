import * as z from "zod/mini";

/**
 * Whose files are looked at. Paths are text of a reversible kind: a byte that is no UTF-8 is a lone surrogate, U+DC80 to U+DCFF, and control
 * characters are as they are.
 * `layer`: only what that layer (0 is the lowest) brought; `upTo`: the sum of the layers up to it.
 * Of a container, `layer` counts its image's layers, and the writable layer is the one above them; null is the sum of all.
 * A volume is as one layer that is written to.
 */
export const fileSubject = z.object({
  type: z.enum(["image", "container", "volume"]),
  name: z.string(),
  layer: z.nullable(z.number()),
  view: z.enum(["layer", "upTo"]),
});
export type FileSubject = z.infer<typeof fileSubject>;

export const fileEntry = z.object({
  /** Absolute, without a trailing slash. */
  path: z.string(),
  type: z.enum(["file", "directory", "symlink", "hardlink", "device", "fifo", "socket"]),
  /** Bytes; of a directory, of all files below it; 0 for a hard link, whose bytes are its target's; of what was removed, as it was. */
  size: z.number(),
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  modifiedAt: z.string(),
  linkTarget: z.string(),
  /** Against the layers below the chosen one. */
  change: z.enum(["added", "modified", "removed", "unchanged"]),
  /** Index of the layer that brought it. */
  layer: z.number(),
  /** Directories: how many entries are below it, at any depth. */
  entries: z.number(),
});
export type FileEntry = z.infer<typeof fileEntry>;

const wastedFile = z.object({
  path: z.string(),
  /** Layers that hold a version of it, or its removal. */
  layers: z.number(),
  /** Bytes in layers that nobody can see from above. */
  bytes: z.number(),
});

const comparedFile = z.object({
  path: z.string(),
  change: z.enum(["added", "modified", "removed"]),
  /** Bytes on either side; null where it is not there. */
  left: z.nullable(z.number()),
  right: z.nullable(z.number()),
});
export type ComparedFile = z.infer<typeof comparedFile>;

export const fileMethods = {
  /**
   * One page of a tree. Without `filter`: the children of directory `path`, or `path` itself where it is none. With it: all below `path` that
   * match: `contains` (case-insensitive, in the path), `minimumSize` (bytes; 1 and more leave only files), `changed` (leaves out what is
   * unchanged). By name, biggest first, or, where nothing is filtered, directories before all others. At most 1,000 entries; fewer than `limit` where
   * paths are very long. A container's own files, and a volume's, are looked at anew after a second, or ten times what the look takes.
   */
  "files.list": {
    params: z.object({
      subject: fileSubject,
      path: z.string(),
      filter: z.nullable(z.object({ contains: z.string(), minimumSize: z.number(), changed: z.boolean() })),
      order: z.enum(["name", "size", "directories"]),
      offset: z.number(),
      limit: z.number(),
    }),
    result: z.object({ entries: z.array(fileEntry), total: z.number() }),
  },
  /** What `dive` tells, of the layers up to the chosen one: efficiency (0 to 1), bytes wasted, and the worst files. */
  "files.waste": {
    params: z.object({ subject: fileSubject, limit: z.number() }),
    result: z.object({
      efficiency: z.number(),
      wastedBytes: z.number(),
      totalBytes: z.number(),
      files: z.array(wastedFile),
    }),
  },
  /**
   * A page of a file's bytes, base64; at most 64 KiB; of what was removed, too. Links are not followed out of the subject. `invalid-argument`
   * for anything but a regular file.
   */
  "files.read": {
    params: z.object({ subject: fileSubject, path: z.string(), offset: z.number(), length: z.number() }),
    result: z.object({ bytes: z.string(), size: z.number() }),
  },
  /** A file or a directory as tar on the stream, without what was removed; entries begin with the path's last name. */
  "files.archive": {
    params: z.object({ subject: fileSubject, path: z.string(), streamID: z.string() }),
    result: z.object({ bytes: z.number() }),
  },
  /** Two images, or an image and a container: layers both have, and files that differ. */
  "files.compare": {
    params: z.object({
      left: fileSubject,
      right: fileSubject,
      contains: z.string(),
      offset: z.number(),
      limit: z.number(),
    }),
    result: z.object({
      sharedLayers: z.array(z.string()),
      leftLayers: z.array(z.string()),
      rightLayers: z.array(z.string()),
      files: z.array(comparedFile),
      total: z.number(),
    }),
  },
} as const;
