import { closeSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import type { IDRange } from "../host/id-ranges.ts";
import { mountMapped, whyNoIDMapping } from "../host/idmapped-mounts.ts";
import { mountOverlay, unmount } from "../host/mounts.ts";
import { openMappingNamespace } from "../host/user-namespaces.ts";

export type OwnOverlay = {
  /** Topmost first. */
  readonly lower: readonly string[];
  /** Holds `upper` and `work`. */
  readonly directory: string;
};

/**
 * Mounts an overlay in which ids are those of a range of the host's, while on the disk all stays as the image says: overlayfs itself cannot
 * be idmapped, what it stands on can. It keeps copies of these mounts for itself, so they are in sight only while it is mounted: stacked
 * on one directory below `place`, of which nothing is ever deleted but the empty directory.
 */
export async function mountMappedOverlay(
  { lower, directory }: OwnOverlay,
  target: string,
  { ids, place }: { readonly ids: IDRange; readonly place: string },
): Promise<void> {
  const reason = whyNoIDMapping();
  if (reason !== null)
    throw new EngineError("failed-precondition", `--userns auto cannot be had: ${reason}`, { exitCode: 125 });
  await mkdir(place, { recursive: true, mode: 0o700 });
  using namespace = await openMappingNamespace(ids);
  const open: number[] = [];
  try {
    const mapped = [...lower, directory].map((source) => {
      const fd = mountMapped(source, place, { userNamespace: namespace.user });
      open.push(fd);
      return `/proc/self/fd/${fd}`;
    });
    const own = mapped.at(-1) ?? "";
    mountOverlay({ lower: mapped.slice(0, -1), upper: join(own, "upper"), work: join(own, "work") }, target);
  } finally {
    for (const fd of open) closeSync(fd);
    await unmount(place);
    await rmdir(place).catch(() => {});
  }
}

/** What an engine that was killed in the middle has left. */
export async function sweepMapped(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    await unmount(join(parent, name));
    await rmdir(join(parent, name)).catch(() => {});
  }
}
