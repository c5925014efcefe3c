import { UsageError } from "./parse/usage-error.ts";

/** `--filter key=value`, several times: values of one key are alternatives (of `label`: all), different keys must all hold. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Reads the flags; fails with a UsageError for a key that is not in `known`. */
export function parseFilters(texts: readonly string[], known: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    const key = text.slice(0, equals).trim().toLowerCase();
    if (equals === -1 || !known.includes(key)) {
      throw new UsageError(`invalid filter "${text}": want one of ${known.map((name) => `${name}=…`).join(", ")}`, 1);
    }
    filters.set(key, [...(filters.get(key) ?? []), text.slice(equals + 1)]);
  }
  return filters;
}

/** True where the key is not asked for, or one of its values holds. */
export function anyHolds(filters: Filters, key: string, holds: (value: string) => boolean): boolean {
  const values = filters.get(key);
  return values === undefined || values.some(holds);
}

/** `key` or `key=value`, all of them. */
export function labelsHold(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (filters.get("label") ?? []).every((wanted) => hasLabel(labels, wanted));
}

/** `key` or `key=value` */
function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}

/** A name filter is a regular expression that may hold anywhere, as docker's. */
export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`invalid filter "${text}": not a regular expression`, 1);
  }
}

/** Docker's patterns of image names: `*` within a part, `?`, `[a-z]`. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return parsePattern(`^${source}$`);
}

/** The truth value of a filter that is given at most once, as `dangling=true`; null where it is not. */
export function parseTruthFilter(filters: Filters, key: string): boolean | null {
  const values = filters.get(key) ?? [];
  const [value] = values;
  if (value === undefined) return null;
  if (values.length === 1 && /^(1|t|true)$/i.test(value)) return true;
  if (values.length === 1 && /^(0|f|false)$/i.test(value)) return false;
  throw new UsageError(`invalid filter "${key}=${values.join(",")}": want true or false`, 1);
}
