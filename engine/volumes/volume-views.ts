import type { DiskUsage } from "../protocol/upkeep.ts";
import type { VolumeSummary } from "../protocol/volumes.ts";
import { pathsOfVolume, type VolumeParts } from "./volume-parts.ts";
import { needsMount, type VolumeRecord } from "./volume-record.ts";

type Known = Pick<VolumeParts, "directory" | "table" | "sizes">;

export function summarizeVolume({ directory, table, sizes }: Known, record: VolumeRecord): VolumeSummary {
  return {
    name: record.name,
    driver: record.driver,
    mountpoint: pathsOfVolume(directory, record.name).data,
    createdAt: record.createdAt,
    labels: { ...record.labels },
    options: { ...record.options },
    anonymous: record.anonymous,
    usedBy: table.usesOf(record.name).map(({ container }) => container),
    size: needsMount(record) ? null : sizes.find(record.name),
  };
}

/** docker's (Engine API, Volume). */
export function inspectVolume(parts: Known, record: VolumeRecord): Record<string, unknown> {
  return {
    CreatedAt: record.createdAt,
    Driver: record.driver,
    Labels: orNull(record.labels),
    Mountpoint: pathsOfVolume(parts.directory, record.name).data,
    Name: record.name,
    Options: orNull(record.options),
    Scope: "local",
  };
}

/** docker's UsageData; -1 where the size is not known. */
export async function usageDataOf({ table, sizes }: Known, record: VolumeRecord): Promise<Record<string, number>> {
  const size = needsMount(record) ? null : await sizes.measure(record.name);
  return { RefCount: table.usesOf(record.name).length, Size: size ?? -1 };
}

export async function volumeDiskUsage({ table, sizes }: Known): Promise<DiskUsage["volumes"]> {
  const records = table.all().filter(({ status }) => status === "ready");
  const items = await Promise.all(
    records.map(async (record) => ({
      name: record.name,
      driver: record.driver,
      links: table.usesOf(record.name).length,
      size: needsMount(record) ? null : await sizes.measure(record.name),
    })),
  );
  const sum = (chosen: readonly { readonly size: number | null }[]) =>
    chosen.reduce((total, { size }) => total + (size ?? 0), 0);
  const idle = items.filter(({ links }) => links === 0);
  return {
    total: items.length,
    active: items.length - idle.length,
    size: sum(items),
    reclaimable: sum(idle),
    items,
  };
}

function orNull(texts: Readonly<Record<string, string>>): Record<string, string> | null {
  return Object.keys(texts).length === 0 ? null : { ...texts };
}
