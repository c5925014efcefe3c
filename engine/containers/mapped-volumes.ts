import { closeSync } from "node:fs";
import { mkdir, readdir, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mountMapped } from "../host/idmapped-mounts.ts";
import { unmount } from "../host/mounts.ts";
import { openMappingNamespace } from "../host/user-namespaces.ts";
import type { MountRequest } from "../protocol/create-request.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";
import { mountsOf } from "./resolve-mounts.ts";

/** To be disposed of once the runtime has made its own mounts. */
export type MappedMounts = { readonly list: readonly MountRequest[] } & AsyncDisposable;

/**
 * Volumes for a container whose ids are its own: they stay on the disk whose they are, so that another container, or the same made anew
 * with other ids, finds them so. What is bound from the host is not mapped: there the container's root is nobody.
 */
export async function mapVolumes(
  parts: ContainerParts,
  record: ContainerRecord,
  mounts: readonly MountRequest[],
): Promise<MappedMounts> {
  const ids = parts.layers.idsOf(record.id);
  const wished = mountsOf(record);
  if (ids === null || wished.every(({ type }) => type !== "volume")) {
    return { list: mounts, [Symbol.asyncDispose]: async () => {} };
  }
  const place = join(mappedDirectory(parts), record.id);
  await using opening = new AsyncDisposableStack();
  opening.defer(() => release(place));
  await release(place);
  // The runtime opens it as root: nobody else gets near what is in a volume.
  await mkdir(place, { recursive: true, mode: 0o700 });
  using namespace = await openMappingNamespace(ids);
  const list: MountRequest[] = [];
  for (const [index, mount] of mounts.entries()) {
    if (wished[index]?.type !== "volume") {
      list.push(mount);
      continue;
    }
    const target = join(place, String(index));
    await makeTarget(mount.source, target);
    closeSync(mountMapped(mount.source, target, { userNamespace: namespace.user }));
    list.push({ ...mount, source: target });
  }
  const opened = opening.move();
  return { list, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What an engine that was killed in the middle has left. */
export async function sweepMappedVolumes(parts: Pick<ContainerParts, "config">): Promise<void> {
  const parent = mappedDirectory(parts);
  for (const name of await readdir(parent).catch(() => [])) await release(join(parent, name));
}

async function makeTarget(source: string, target: string): Promise<void> {
  if ((await stat(source)).isDirectory()) await mkdir(target);
  else await writeFile(target, "");
}

/** Never deletes more than an empty directory or file: what is mounted there is somebody's data. */
async function release(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const target = join(place, name);
    await unmount(target);
    const isDirectory = (await stat(target).catch(() => null))?.isDirectory() ?? true;
    if (isDirectory) await rmdir(target).catch(() => {});
    else await rm(target, { force: true });
  }
  await rmdir(place).catch(() => {});
}

function mappedDirectory({ config }: Pick<ContainerParts, "config">): string {
  return join(config.run, "mapped");
}
