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
  print: (...args) => args.reduce<string>(spaced, ""),
  html: (text) => formatValue(text).replace(/[<>&'"]/g, (sign) => htmlSigns[sign] ?? sign),
  urlquery: (text) => encodeURIComponent(formatValue(text)).replaceAll("%20", "+"),
  printf: (format, ...args) => formatted(String(format), args),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(indexOf, value),
  slice: (value, from, to) => sliceOf(value, Number(from ?? 0), to === undefined ? undefined : Number(to)),
  eq: (first, ...others) => others.some((other) => isEqual(first, other)),
  ne: (first, second) => !isEqual(first, second),
  lt: (first, second) => compare(first, second) < 0,
  le: (first, second) => compare(first, second) <= 0,
  gt: (first, second) => compare(first, second) > 0,
  ge: (first, second) => compare(first, second) >= 0,
  and: (...args) => args.find((arg) => !isTruthy(arg)) ?? args.at(-1),
  or: (...args) => args.find(isTruthy) ?? args.at(-1),
  not: (value) => !isTruthy(value),
};

const htmlSigns: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  "'": "&#39;",
  '"': "&#34;",
};

/** Go's Sprint: a blank between two that are no texts. */
function spaced(before: string, value: unknown, index: number, all: readonly unknown[]): string {
  const isApart = index > 0 && typeof value !== "string" && typeof all[index - 1] !== "string";
  return `${before}${isApart ? " " : ""}${formatValue(value)}`;
}

function isEqual(first: unknown, second: unknown): boolean {
  if (typeof first === "bigint" || typeof second === "bigint") return compare(first, second) === 0;
  return first === second;
}

/** Texts by their characters, all else as numbers. Of what is no number nothing is true but that it differs. */
function compare(first: unknown, second: unknown): number {
  if (typeof first === "string" && typeof second === "string") return first < second ? -1 : first > second ? 1 : 0;
  if (typeof first === "bigint" && typeof second === "bigint") return first < second ? -1 : first > second ? 1 : 0;
  return Number(first) - Number(second);
}

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
    /%(-?\d*)(?:\.(\d+))?([svdqftxX%])/g,
    (_, width: string, digits: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) throw new UsageError(`template: printf "${format}" has too few arguments`, 1);
      const text = formatVerb(verb, args[next++], digits);
      if (width.startsWith("-")) return text.padEnd(Number(width.slice(1)));
      return text.padStart(Number(width), width.startsWith("0") ? "0" : " ");
    },
  );
}

function formatVerb(verb: string, value: unknown, digits: string | undefined): string {
  if (verb === "q") return JSON.stringify(formatValue(value));
  if (verb === "f") return Number(value).toFixed(Number(digits ?? 6));
  if (verb === "x" || verb === "X") return hexOf(value, verb);
  return verb === "d" ? String(Math.trunc(Number(value))) : formatValue(value);
}

function hexOf(value: unknown, verb: "x" | "X"): string {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const hex = isNumber ? value.toString(16) : Buffer.from(formatValue(value)).toString("hex");
  return verb === "x" ? hex : hex.toUpperCase();
}
