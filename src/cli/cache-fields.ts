import type { CacheRecord } from "../../engine/protocol/builds.ts";
import { formatAge } from "../../engine/protocol/duration-text.ts";
import { formatBytesFinely } from "../format/bytes.ts";
import { shortID } from "../format/ids.ts";
import type { Fields, ListingSpec } from "./listing.ts";

/** Of `builder du`: docker's fields, and those of `system df -v`. */
export const cacheListing: ListingSpec = {
  headers: {
    ID: "ID",
    Reclaimable: "RECLAIMABLE",
    Size: "SIZE",
    LastUsedSince: "LAST ACCESSED",
    CacheType: "CACHE TYPE",
    CreatedSince: "CREATED",
    UsageCount: "USAGE",
    Shared: "SHARED",
    Description: "DESCRIPTION",
  },
  columns: ["ID", "Reclaimable", "Size", "LastUsedSince", "Description"],
  quietField: "ID",
};

/** The part of `system df -v`. */
export const cacheInDetail: ListingSpec = {
  ...cacheListing,
  headers: { ...cacheListing.headers, ID: "CACHE ID", LastUsedSince: "LAST USED" },
  columns: ["ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"],
};

export function cacheFields(record: CacheRecord, now: number): Fields {
  const { id, parents, type, description, inUse, shared, size, createdAt, lastUsedAt, usageCount } = record;
  return {
    CacheType: type,
    CreatedAt: createdAt,
    CreatedSince: formatAge(createdAt, now),
    Description: description,
    ID: shortID(id),
    InUse: String(inUse),
    LastUsedAt: lastUsedAt ?? "",
    LastUsedSince: lastUsedAt === null ? "" : formatAge(lastUsedAt, now),
    Parent: parents.join(", "),
    Reclaimable: String(!inUse),
    Shared: String(shared),
    Size: formatBytesFinely(size),
    UsageCount: String(usageCount),
  };
}

/** Of `builder du --verbose`. */
export function cacheDetails(record: CacheRecord): string {
  const { id, parents, type, description, inUse, shared, size, createdAt, lastUsedAt, usageCount } = record;
  const rows: [string, string][] = [
    ["ID", id],
    ...(parents.length === 0 ? [] : ([["Parents", parents.join(", ")]] as [string, string][])),
    ["Created at", createdAt],
    ["Mutable", String(type === "exec.cachemount")],
    ["Reclaimable", String(!inUse)],
    ["Shared", String(shared)],
    ["Size", formatBytesFinely(size)],
    ...(description === "" ? [] : ([["Description", description]] as [string, string][])),
    ["Usage count", String(usageCount)],
    ...(lastUsedAt === null ? [] : ([["Last used", lastUsedAt]] as [string, string][])),
    ["Type", type],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(16)}${value}\n`).join("");
}
