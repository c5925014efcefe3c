import { UsageError } from "../parse/usage-error.ts";
import { printableJson } from "../printable.ts";

type TemplateFunction = (...args: unknown[]) => unknown;

/** The functions of docker's templates, and those of Go's that they are used with. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => printableJson(value ?? null),
  join: (list, separator) =>
    asList(list)
      .map(formatValue)
      .join(String(separator ?? "")),
  split: (text, separator) => formatValue(text).split(String(separator)),
  lower: (text) => formatValue(text).toLowerCase(),
  upper: (text) => formatValue(text).toUpperCase(),
  title: (text) => formatValue(text).replace(/\b\p{L}/gu, (letter) => letter.toUpperCase()),
  pad: (text, before, after) => " ".repeat(Number(before)) + formatValue(text) + " ".repeat(Number(after)),
  truncate: (text, length) => formatValue(text).slice(0, Number(length)),
  println: (...args) => `${args.map(formatValue).join(" ")}\n`,
  print: (...args) => args.map(formatValue).join(""),
  printf: (format, ...args) => formatted(String(format), args),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(indexOf, value),
  slice: (value, from, to) => sliceOf(value, Number(from ?? 0), to === undefined ? undefined : Number(to)),
  eq: (first, ...others) => others.some((other) => other === first),
  ne: (first, second) => first !== second,
  lt: (first, second) => Number(first) < Number(second),
  le: (first, second) => Number(first) <= Number(second),
  gt: (first, second) => Number(first) > Number(second),
  ge: (first, second) => Number(first) >= Number(second),
  and: (...args) => args.find((arg) => !isTruthy(arg)) ?? args.at(-1),
  or: (...args) => args.find(isTruthy) ?? args.at(-1),
  not: (value) => !isTruthy(value),
};

/** Go's truth: false, 0, nil and what is empty are not. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go prints a value: `map[a:1 b:2]`, `[a b]`, `<no value>`. */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null || typeof value === "function") return "<no value>";
  if (Array.isArray(value)) return `[${value.map(formatValue).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${formatValue(inner)}`).join(" ")}]`;
}

/** A field, a key or an index; undefined where there is none. */
export function member(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, String(key)) ? (value as Readonly<Record<string, unknown>>)[String(key)] : undefined;
}

/** Go's index: an absent key of a map is empty, a place beyond the end of a list is a mistake. */
function indexOf(value: unknown, key: unknown): unknown {
  const found = member(value, key);
  if (found !== undefined) return found;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return "";
  throw new UsageError(`template: index ${String(key)} is out of range`, 1);
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

function sliceOf(value: unknown, from: number, to: number | undefined): unknown {
  return Array.isArray(value) ? value.slice(from, to) : formatValue(value).slice(from, to);
}

function formatted(format: string, args: readonly unknown[]): string {
  let next = 0;
  return format.replace(
    /%(-?\d*)(?:\.(\d+))?([svdqf%])/g,
    (_, width: string, digits: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) throw new UsageError(`template: printf "${format}" has too few arguments`);
      const text = formatVerb(verb, args[next++], digits);
      return width.startsWith("-") ? text.padEnd(Number(width.slice(1))) : text.padStart(Number(width));
    },
  );
}

function formatVerb(verb: string, value: unknown, digits: string | undefined): string {
  if (verb === "q") return JSON.stringify(formatValue(value));
  if (verb === "f") return Number(value).toFixed(Number(digits ?? 6));
  return verb === "d" ? String(Math.trunc(Number(value))) : formatValue(value);
}
