import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { listMounts, type MountEntry } from "../host/mountinfo.ts";
import { unmount } from "../host/mounts.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";
import { removeOrphan } from "./reconcile.ts";

type Problem = FsckFinding & { readonly act?: () => Promise<void> };

/**
 * Looks whether each container has its directory and, while it runs, its own file system mounted; and whether there is a directory or a mount
 * that is nobody's. What seems wrong is looked at again when no act goes on with that container.
 */
export async function checkContainers(parts: ContainerParts, repair: boolean): Promise<FsckFinding[]> {
  const problems: Problem[] = parts.table.unreadable.map(({ id, error }) => ({
    kind: "container",
    object: id.slice(0, 12),
    problem: `its record cannot be read: ${messageOf(error)}`,
    repair: "",
    hint: "stop the engine and restore gantry.db from a backup",
  }));
  // Read once for all: a host may have thousands.
  const mounts = listMounts();
  for (const { id } of parts.table.all()) {
    if (checkOne(parts, id, mounts).length === 0) continue;
    problems.push(...(await parts.queue.run(id, async () => checkOne(parts, id, listMounts()))));
  }
  for (const id of await orphansOf(parts)) {
    const isStill = () => parts.queue.run(id, async () => (await orphansOf(parts)).includes(id));
    if (await isStill()) problems.push(orphan(parts, id));
  }
  problems.push(...strayMounts(parts));
  return await Promise.all(problems.map((problem) => settle(problem, repair)));
}

function checkOne(parts: ContainerParts, id: string, allMounts: readonly MountEntry[]): Problem[] {
  const record = parts.table.find(id);
  if (record === null || record.state.status === "removing" || record.state.status === "dead") return [];
  if (!existsSync(join(pathsOf(parts.config, id).directory, "layers.json"))) {
    return [problemOf(record, "its file system is lost", `remove it with \`gantry rm -f ${record.name}\``)];
  }
  const rootfs = parts.layers.rootfsOf(id);
  const mounts = allMounts.filter(({ target }) => target === rootfs);
  if (isAlive(record.state.status)) return checkMounted(parts, record, mounts);
  if (mounts.length === 0 || parts.layers.upkeep.isKeptMounted(id)) return [];
  return [strayMount(rootfs, () => parts.layers.unmount(id))];
}

function checkMounted(parts: ContainerParts, record: ContainerRecord, mounts: readonly MountEntry[]): Problem[] {
  const hint = `restart it with \`gantry restart ${record.name}\``;
  const mount = mounts.at(-1);
  if (mount === undefined) return [problemOf(record, "it runs, but its file system is not mounted", hint)];
  if (mount.type !== "overlay")
    return [problemOf(record, `a ${mount.type} is mounted in place of its file system`, hint)];
  const lowers = mount.options.flatMap((option) => {
    if (option.startsWith("lowerdir+=")) return [option.slice("lowerdir+=".length)];
    return option.startsWith("lowerdir=") ? option.slice("lowerdir=".length).split(":") : [];
  });
  const own = parts.layers.writablePlaceOf(record.id).below.map(({ directory }) => directory);
  // Some are told by a descriptor, which says nothing; an image without layers stands on an empty directory.
  const isKnown = lowers.length > 0 && own.length > 0 && lowers.every((path) => !path.startsWith("/proc/"));
  if (!isKnown || lowers.join(":") === own.toReversed().join(":")) return [];
  return [problemOf(record, "it runs on other layers than those it was made on", hint)];
}

/** Directories of containers without a record. */
async function orphansOf(parts: ContainerParts): Promise<string[]> {
  const names = await readdir(join(parts.config.root, "containers")).catch(() => []);
  const unreadable = parts.table.unreadable.map(({ id }) => id);
  return names.filter(
    (name) => /^[0-9a-f]{64}$/.test(name) && parts.table.find(name) === null && !unreadable.includes(name),
  );
}

function orphan(parts: ContainerParts, id: string): Problem {
  return {
    kind: "container",
    object: id.slice(0, 12),
    problem: "is a directory without a record",
    repair: "removed",
    hint: "",
    act: () => removeOrphan(parts, id),
  };
}

/** Mounts below the store's own directories that are no container's. */
function strayMounts(parts: ContainerParts): Problem[] {
  const own = ["layers", "containers"].map((name) => join(parts.config.root, name));
  const rootfses = new Set([...parts.layers.listWritable()].map((key) => parts.layers.rootfsOf(key)));
  return listMounts()
    .filter(({ target }) => own.some((directory) => target.startsWith(`${directory}/`)) && !rootfses.has(target))
    .reverse()
    .map(({ target }) => strayMount(target, () => unmount(target)));
}

function strayMount(target: string, act: () => Promise<void>): Problem {
  return {
    kind: "mount",
    object: target,
    problem: "no container that runs needs it",
    repair: "unmounted",
    hint: "",
    act,
  };
}

function problemOf({ name }: ContainerRecord, problem: string, hint: string): Problem {
  return { kind: "container", object: name, problem, repair: "", hint };
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
