import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";

/** `{"label":["a=b"]}`, or, of clients before 1.22 and of docker's CLI, `{"label":{"a=b":true}}`. */
const filtersSchema = z.record(z.string(), z.union([z.array(z.string()), z.record(z.string(), z.boolean())]));

export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Of the query parameter `filters`; one without values is none. Fails in docker's words for what is no such JSON, or has a name that is not
 * `known`, where that is not null.
 */
export function parseFilters(text: string | null, known: readonly string[] | null): Filters {
  if (text === null || text === "") return new Map();
  const parsed = filtersSchema.safeParse(findJson(text));
  if (!parsed.success) throw new EngineError("invalid-argument", "invalid filter");
  const filters = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(parsed.data)) {
    if (known?.includes(name) === false) throw new EngineError("invalid-argument", `invalid filter '${name}'`);
    const wanted = Array.isArray(values) ? values : Object.keys(values).filter((value) => values[value]);
    if (wanted.length > 0) filters.set(name, wanted);
  }
  return filters;
}

/** Of a filter that is yes or no, like `dangling`; null where it is not given. */
export function filterFlag(filters: Filters, name: string): boolean | null {
  const values = filters.get(name);
  if (values === undefined) return null;
  const [value = "", ...others] = values;
  if (others.length === 0 && ["1", "true", "True", "TRUE", "t", "T"].includes(value)) return true;
  if (others.length === 0 && ["0", "false", "False", "FALSE", "f", "F"].includes(value)) return false;
  throw new EngineError("invalid-argument", `invalid filter '${name}=[${values.join(" ")}]'`);
}
