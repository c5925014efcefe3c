import { lstat, opendir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describeLike, peekSource } from "../layers/fill-directory.ts";
import { type FillSource, filledName, fillingName } from "../layers/fill-tasks.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { syncDirectory } from "../lib/durable-file.ts";
import { pathsOfVolume, type VolumeParts } from "./volume-parts.ts";
import { needsMount } from "./volume-record.ts";

const never = new AbortController().signal;

/** Names that are no content: what a filling that was cut off has left. */
const ownNames: readonly string[] = [fillingName, filledName];

/** Where what a volume is filled with is made. Something that is mounted is another file system than the directory around it. */
export function stagingOf(parts: VolumeParts, name: string): string {
  const { directory, data } = pathsOfVolume(parts.directory, name);
  return needsMount(parts.table.get(name)) ? data : directory;
}

/**
 * Copies a directory of a container into a volume where that is empty, in the volume's queue. Small things are done at once: most images
 * have an empty directory there, of which only owner and mode count.
 */
export async function fillVolume(parts: VolumeParts, name: string, source: FillSource): Promise<void> {
  const { data } = pathsOfVolume(parts.directory, name);
  const place = { target: bytePathOf(data), staging: bytePathOf(stagingOf(parts, name)) };
  if (await isFilled(parts, name)) {
    await parts.archives.fill({ kind: "adopt", ...place }, never);
    return;
  }
  if (!(await isEmptyVolume(data))) return;
  const found = peekSource(source);
  // What is mounted may be a server's: nothing there is done on the main thread.
  if (found === "full" || (found === "empty" && needsMount(parts.table.get(name)))) {
    await parts.archives.fill({ kind: "fill", source, ...place }, never);
    parts.sizes.expire(name);
  } else if (found === "empty") {
    describeLike(source, place.target);
    await syncDirectory(data);
  }
}

/** Finishes or undoes a filling that was cut off by a crash. */
export async function settleFilling(parts: VolumeParts, name: string): Promise<void> {
  const { directory, data } = pathsOfVolume(parts.directory, name);
  const staging = stagingOf(parts, name);
  const names: string[] = await readdir(staging).catch(() => []);
  if (names.includes(filledName)) {
    const place = { target: bytePathOf(data), staging: bytePathOf(staging) };
    await parts.archives.fill({ kind: "adopt", ...place }, never);
  }
  for (const leftover of names.filter((entry) => entry === fillingName || entry.startsWith(importPrefix))) {
    await parts.trash.destroy(`${staging === data ? data : directory}/${leftover}`);
  }
}

/** What an import makes, beside the data. */
export const importPrefix = ".gantry-import-";

export async function isEmptyVolume(data: string): Promise<boolean> {
  // It may hold millions: the first name tells.
  for await (const { name } of await opendir(data)) if (!ownNames.includes(name)) return false;
  return true;
}

async function isFilled(parts: VolumeParts, name: string): Promise<boolean> {
  const path = join(stagingOf(parts, name), filledName);
  return lstat(path).then(
    () => true,
    () => false,
  );
}
