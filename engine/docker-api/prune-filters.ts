import { EngineError } from "../errors.ts";
import { findMoment } from "../protocol/moments.ts";
import type { ApiCall } from "./api-call.ts";
import type { Filters } from "./filters.ts";

export type PruneFilters = {
  /** RFC 3339, or null. */
  readonly until: string | null;
  /** `key`, `key=value`; with `!` before it for what is without. */
  readonly labels: readonly string[];
  readonly filters: Filters;
};

/** `until`, `label` and `label!`, which all prunes know, and what else is `known` to one. */
export function parsePruneFilters(call: ApiCall, known: readonly string[] = ["until"]): PruneFilters {
  const filters = call.filters(["label", "label!", ...known]);
  const without = (filters.get("label!") ?? []).map((label) => `!${label}`);
  return { until: untilOf(filters), labels: [...(filters.get("label") ?? []), ...without], filters };
}

/** RFC 3339 of the filter `until`, or null. */
export function untilOf(filters: Filters): string | null {
  const [text, ...others] = filters.get("until") ?? [];
  if (text === undefined) return null;
  if (others.length > 0) throw new EngineError("invalid-argument", "more than one until filter specified");
  const moment = findMoment(text, Date.now());
  if (moment === null)
    throw new EngineError("invalid-argument", `invalid filter: until ${JSON.stringify(text)} is no time`);
  return moment;
}
