import * as z from "zod/mini";

/** What lies at a path in a container: docker's `X-Docker-Container-Path-Stat`. */
const pathStat = z.object({
  name: z.string(),
  size: z.number(),
  /** As stat(2) gives it: type and permission bits. */
  mode: z.number(),
  modifiedAt: z.string(),
  /** Empty for all but a symbolic link; resolved within the container. */
  linkTarget: z.string(),
});
export type PathStat = z.infer<typeof pathStat>;

const place = { container: z.string(), path: z.string() };

/** Requests that give or take tar archives on a byte stream. Downloads come on the channel `stdout`, then `exit`. */
export const archiveMethods = {
  /** Several images in one archive. Its bytes are uncompressed: the layers in it are as they came. */
  "images.save": {
    params: z.object({
      images: z.array(z.string()),
      streamID: z.string(),
      format: z.enum(["docker-archive", "oci-archive"]),
    }),
    result: z.object({ bytes: z.number() }),
  },
  /** The whole file system of a container, running or not. */
  "containers.export": {
    params: z.object({ container: z.string(), streamID: z.string() }),
    result: z.object({ bytes: z.number() }),
  },
  /** reference: null leaves the image without a name. changes: Dockerfile lines. pause: freeze it meanwhile. */
  "containers.commit": {
    params: z.object({
      container: z.string(),
      reference: z.nullable(z.string()),
      author: z.string(),
      message: z.string(),
      changes: z.array(z.string()),
      pause: z.boolean(),
    }),
    result: z.object({ id: z.string() }),
  },
  /** Symbolic links in the path are resolved inside the container only; the last one is not followed. */
  "containers.statPath": { params: z.object(place), result: pathStat },
  /** A tar whose entries begin with the path's last name. */
  "containers.copyOut": {
    params: z.object({ ...place, streamID: z.string(), followLink: z.boolean() }),
    result: z.object({ bytes: z.number(), stat: pathStat }),
  },
  /**
   * Unpacks a tar (plain, gzip, zstd) below a directory of the container. All belongs to whom the tar says, or, with keepOwner and where
   * the container has a user, to that: what docker does with and without `cp -a`. What was unpacked before a failure stays.
   */
  "containers.copyIn": {
    params: z.object({ ...place, streamID: z.string(), keepOwner: z.boolean(), noOverwriteDirNonDir: z.boolean() }),
    result: z.object({ bytes: z.number() }),
  },
} as const;
