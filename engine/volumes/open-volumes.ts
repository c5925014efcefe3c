import { chmod, mkdir, readdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { forEachBounded } from "../lib/bounded.ts";
import { syncDirectory } from "../lib/durable-file.ts";
import { settleFilling } from "./fill-volume.ts";
import { removeDoomed } from "./remove-volume.ts";
import { mountsBelow } from "./volume-mounts.ts";
import { pathsOfVolume, publishVolumeEvent, type VolumeParts } from "./volume-parts.ts";
import { needsMount, type VolumeRecord } from "./volume-record.ts";

/** Directories looked at side by side. */
const parallel = 8;

/** Nobody but root gets near setuid programs in volumes from outside (CVE-2021-41091). */
const directoryMode = 0o710;
const dataMode = 0o755;

/** Finishes or undoes what the end of an engine cut off. One volume's failure is logged and keeps no other from being looked at. */
export async function settleVolumes(parts: VolumeParts): Promise<void> {
  await sweepGone(parts);
  const doomed = parts.table.all().flatMap(({ name, status }) => (status === "removing" ? [name] : []));
  void removeDoomed(parts, doomed);
  const signal = new AbortController().signal;
  await forEachBounded(parts.table.all(), { limit: parallel, signal }, async (record) => {
    try {
      if (record.status === "making") await settleMaking(parts, record);
      if (record.status !== "removing" && !needsMount(record)) await settleFilling(parts, record.name);
    } catch (error) {
      parts.log.error("a volume could not be brought in line", { volume: record.name, error });
    }
  });
}

/** What no command has answered for goes, unless its directory is there. A container that is half made takes its own along. */
async function settleMaking(parts: VolumeParts, { name }: VolumeRecord): Promise<void> {
  const found = await stat(pathsOfVolume(parts.directory, name).data).catch(() => null);
  if (found !== null) parts.table.setStatus(name, "ready", true);
  else if (parts.table.usesOf(name).length === 0) parts.table.delete(name);
}

/** Bytes of volumes that were removed. */
async function sweepGone(parts: VolumeParts): Promise<void> {
  for (const name of await readdir(parts.directory)) {
    if (!name.startsWith(".gone-")) continue;
    const path = join(parts.directory, name);
    if (mountsBelow(path).length > 0)
      parts.log.error("something is mounted in a removed volume: it is left alone", { path });
    else
      void parts.trash
        .destroy(path)
        .catch((error) => parts.log.warning("bytes of a volume were left", { path, error }));
  }
}

export async function makeVolumesDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: directoryMode });
  await chmod(directory, directoryMode);
}

/** Undoes a creation that failed; what cannot be removed now is at the next start. In the volume's queue. */
export async function dropHalfMade(parts: VolumeParts, name: string): Promise<void> {
  const { directory, data } = pathsOfVolume(parts.directory, name);
  await rmdir(data).catch(() => {});
  await rmdir(directory).catch(() => {});
  if (parts.table.usesOf(name).length === 0) parts.table.delete(name);
}

/** Makes the directory of a volume; a success where it is there. Durable when it returns. In the volume's queue. */
export async function makeVolume(parts: VolumeParts, name: string): Promise<void> {
  if (parts.table.get(name).status !== "making") return;
  const { directory, data } = pathsOfVolume(parts.directory, name);
  await mkdir(directory, { recursive: true, mode: directoryMode });
  await mkdir(data, { recursive: true, mode: dataMode });
  await syncDirectory(directory);
  await parts.namesSync.request();
  parts.table.setStatus(name, "ready", true);
  publishVolumeEvent(parts, "create", name);
}
