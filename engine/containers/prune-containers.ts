import { EngineError } from "../errors.ts";
import type { ContainerDiskUsage } from "./container-disk-usage.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";
import { removeOnRequest } from "./remove-container.ts";

export type PruneFilter = {
  /** RFC 3339: only those made before. */
  readonly until: string | null;
  /** `key`, `key=value`; with `!` before it: not those that have it. */
  readonly labels: readonly string[];
  readonly dryRun: boolean;
};
export type Pruned = { readonly removed: { id: string; name: string; size: number }[]; readonly bytes: number };

/** Removes what does not run. One that is started, or removed by somebody else, meanwhile is left out. */
export async function pruneContainers(
  parts: ContainerParts,
  usage: ContainerDiskUsage,
  filter: PruneFilter,
): Promise<Pruned> {
  if (filter.until !== null && Number.isNaN(Date.parse(filter.until))) {
    throw new EngineError("invalid-argument", `${JSON.stringify(filter.until)} is not a time`);
  }
  const chosen = parts.table.all().filter((record) => isOver(record) && passes(record, filter));
  if (chosen.length === 0) return { removed: [], bytes: 0 };
  const sizes = new Map((await usage.measure()).items.map(({ id, size, logSize }) => [id, size + logSize]));
  const removed: Pruned["removed"] = [];
  for (const { id, name } of chosen) {
    if (filter.dryRun || (await removeIfThere(parts, id))) removed.push({ id, name, size: sizes.get(id) ?? 0 });
  }
  const bytes = removed.reduce((total, { size }) => total + size, 0);
  if (!filter.dryRun) {
    parts.events.publish({ type: "container", action: "prune", id: "", attributes: { reclaimed: String(bytes) } });
  }
  return { removed, bytes };
}

async function removeIfThere(parts: ContainerParts, id: string): Promise<boolean> {
  try {
    await removeOnRequest(parts, id, { force: false, volumes: false });
    return true;
  } catch (error) {
    const isOthers =
      error instanceof EngineError && (error.code === "not-found" || error.code === "failed-precondition");
    if (isOthers) return false;
    throw error;
  }
}

function isOver({ state: { status } }: ContainerRecord): boolean {
  return status === "created" || status === "exited" || status === "dead";
}

function passes({ createdAt, resolution }: ContainerRecord, { until, labels }: PruneFilter): boolean {
  if (until !== null && Date.parse(createdAt) > Date.parse(until)) return false;
  return labels.every((label) =>
    label.startsWith("!") ? !hasLabel(resolution.labels, label.slice(1)) : hasLabel(resolution.labels, label),
  );
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = "", ...value] = wanted.split("=");
  return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join("="));
}
