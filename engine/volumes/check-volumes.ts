import { readdir, stat } from "node:fs/promises";
import { messageOf } from "../errors.ts";
import { isMounted } from "../host/mounts.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";
import { unmountVolume } from "./volume-mounts.ts";
import { pathsOfVolume, type VolumeParts } from "./volume-parts.ts";
import { needsMount, type VolumeRecord } from "./volume-record.ts";
import { checkVolumeName, recordOf } from "./volume-request.ts";

type Problem = FsckFinding & { readonly act?: () => Promise<void> };

/**
 * Looks whether each volume has its directory, and each directory its volume; and whether what is mounted is in use. A directory without a record
 * holds somebody's data: the repair makes a volume of it.
 */
export async function checkVolumes(parts: VolumeParts, repair: boolean): Promise<FsckFinding[]> {
  const problems: Problem[] = parts.table.unreadable.map(({ name, error }) => ({
    ...problemOf(name, `its record cannot be read: ${messageOf(error)}`),
    hint: "stop the engine and restore gantry.db from a backup",
  }));
  for (const { name } of parts.table.all()) {
    problems.push(...(await parts.queue.run(name, () => checkOne(parts, name))));
  }
  for (const name of await readdir(parts.directory).catch(() => [])) {
    if (name.startsWith(".") || parts.table.isTaken(name)) continue;
    problems.push(...(await parts.queue.run(name, async () => checkStranger(parts, name))));
  }
  return await Promise.all(problems.map((problem) => settle(problem, repair)));
}

async function checkOne(parts: VolumeParts, name: string): Promise<Problem[]> {
  const record = parts.table.find(name);
  if (record === null || record.status !== "ready") return [];
  const { data } = pathsOfVolume(parts.directory, name);
  if (needsMount(record)) return checkMount(parts, record, data);
  const found = await stat(data).catch(() => null);
  if (found?.isDirectory()) return [];
  const problem = problemOf(name, `its directory ${data} is lost`);
  return [{ ...problem, hint: `restore it from a backup, or remove it with \`gantry volume rm ${name}\`` }];
}

function checkMount(parts: VolumeParts, record: VolumeRecord, data: string): Problem[] {
  const [mounted, used] = [isMounted(data), parts.mounts.isUsed(record.name)];
  if (used && !mounted) {
    return [{ ...problemOf(record.name, "a container uses it, but it is not mounted"), hint: "restart the container" }];
  }
  if (used || !mounted) return [];
  const act = () => parts.queue.run(record.name, () => unmountVolume(record, data));
  return [{ ...problemOf(data, "no container that runs needs it"), kind: "mount", repair: "unmounted", act }];
}

function checkStranger(parts: VolumeParts, name: string): Problem[] {
  if (parts.table.isTaken(name)) return [];
  const problem = problemOf(name, "is a directory without a record");
  try {
    checkVolumeName(name);
  } catch {
    return [{ ...problem, hint: `look into ${parts.directory} by hand` }];
  }
  const wish = { name, driver: "local", options: {}, labels: {} };
  const act = async () => parts.table.insert({ ...recordOf(wish, false), status: "ready" });
  return [{ ...problem, repair: "made a volume of it", act }];
}

function problemOf(object: string, problem: string): FsckFinding {
  return { kind: "volume", object, problem, repair: "", hint: "" };
}

async function settle({ act, ...finding }: Problem, repair: boolean): Promise<FsckFinding> {
  if (!repair || act === undefined) return finding;
  try {
    await act();
    return finding;
  } catch (error) {
    return { ...finding, repair: "", hint: messageOf(error) };
  }
}
