import { findMoment } from "../../engine/protocol/moments.ts";
import type { EngineClient } from "../client/connection.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { UsageError } from "./parse/usage-error.ts";

/** What `--filter` of the prune verbs comes to. labels: with `!` before those that things must not have. */
export type PruneFilter = { readonly until: string | null; readonly labels: readonly string[] };

const keys = ["until", "label", "label!"];

/** `until=24h`, `label=key[=value]`, `label!=key[=value]`, and of images `dangling=…`. */
export function parsePruneFilter(
  texts: readonly string[],
  others: readonly string[] = [],
): PruneFilter & { filters: Filters } {
  const filters = parseFilters(texts, [...keys, ...others]);
  const untils = filters.get("until") ?? [];
  if (untils.length > 1) throw new UsageError("more than one until filter specified", 1);
  const [until] = untils;
  return {
    until: until === undefined ? null : momentOf(until),
    labels: labelsOf(filters),
    filters,
  };
}

/** Of volumes: they have no time. */
export function parseVolumePruneFilter(texts: readonly string[]): { labels: readonly string[]; filters: Filters } {
  const filters = parseFilters(texts, ["label", "label!", "all"]);
  return { labels: labelsOf(filters), filters };
}

function labelsOf(filters: Filters): string[] {
  return [...(filters.get("label") ?? []), ...(filters.get("label!") ?? []).map((label) => `!${label}`)];
}

export type Pruned = { readonly lines: readonly string[]; readonly bytes: number };

export async function pruneImages(client: EngineClient, filter: PruneFilter, all: boolean): Promise<Pruned> {
  const { until, labels } = filter;
  const { removed, bytes } = await client.request("images.prune", { all, until, labels: [...labels], dryRun: false });
  const lines = removed.flatMap(({ id, references }) => [
    ...references.map((reference) => `untagged: ${reference}`),
    `deleted: ${id}`,
  ]);
  return { lines: titled("Deleted Images:", lines), bytes };
}

/** Removes what does not run. One that is started, or removed by somebody else, meanwhile is left out. */
export async function pruneContainers(client: EngineClient, filter: PruneFilter): Promise<Pruned> {
  const { until, labels } = filter;
  const { removed, bytes } = await client.request("containers.prune", { until, labels: [...labels], dryRun: false });
  return {
    lines: titled(
      "Deleted Containers:",
      removed.map(({ id }) => id),
    ),
    bytes,
  };
}

/** Takes those that became of use meanwhile for used: they stay. */
export async function pruneNetworks(client: EngineClient, filter: PruneFilter): Promise<Pruned> {
  const { until, labels } = filter;
  const { removed } = await client.request("networks.prune", { until, labels: [...labels], dryRun: false });
  return {
    lines: titled(
      "Deleted Networks:",
      removed.map(({ name }) => name),
    ),
    bytes: 0,
  };
}

export async function pruneVolumes(client: EngineClient, labels: readonly string[], all: boolean): Promise<Pruned> {
  const { removed, bytes } = await client.request("volumes.prune", { all, labels: [...labels], dryRun: false });
  return {
    lines: titled(
      "Deleted Volumes:",
      removed.map(({ name }) => name),
    ),
    bytes,
  };
}

/** A cache has no labels: where they are filtered by it stays. */
export async function pruneCaches(
  client: EngineClient,
  wish: { readonly all: boolean; readonly until: string | null; readonly keepStorage?: number | null },
  which: { readonly types?: readonly string[]; readonly ids?: readonly string[] } = {},
): Promise<Pruned> {
  const { all, until, keepStorage = null } = wish;
  const { types = [], ids = [] } = which;
  const params = { all, until, keepStorage, types: [...types], ids: [...ids] };
  const { removed, bytes } = await client.request("builder.prune", params);
  return { lines: titled("Deleted build cache objects:", removed), bytes };
}

function titled(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [title, ...names, ""];
}

/** A wrong filter is not a wrong flag: docker's engine refuses it. */
export function momentOf(until: string): string {
  const moment = findMoment(until, Date.now());
  if (moment !== null) return moment;
  throw new UsageError(`failed to parse value as time or duration: "${until}"`, 1);
}
