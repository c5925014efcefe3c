import { screenText } from "../format/screen-text.ts";
import { emptyLine, type Line, line, type Span, span, type Tone } from "../theme/tokens.ts";
import { shellWord } from "./files/shell-word.ts";

/** A value of a field: plain text, made safe here, or spans that are safe. */
export type Value = string | readonly Span[];

const nameWidth = 14;

/** A field with a row for each of its values; nothing where it has none. */
export function field(
  name: string,
  values: Value | readonly (string | readonly Span[])[],
  tone: Tone = "text",
): Line[] {
  const list = (typeof values === "string" ? [values] : isSpans(values) ? [values] : values) as readonly Value[];
  return list
    .filter((value) => value.length > 0)
    .map((value, index) => ({
      spans: [
        span((index === 0 ? name : "").padEnd(nameWidth), "muted"),
        ...(typeof value === "string" ? [span(screenText(value), tone)] : value),
      ],
      indent: nameWidth,
    }));
}

function isSpans(values: readonly (string | Span | readonly Span[])[]): values is readonly Span[] {
  const [first] = values;
  return typeof first === "object" && first !== null && "tone" in first;
}

/** Groups of fields, those with nothing in them left out, an empty row between. */
export function page(...groups: readonly (readonly Line[])[]): Line[] {
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, index) => (index === 0 ? group : [emptyLine, ...group]));
}

export function heading(text: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [line(span(text, "title")), ...lines];
}

/** `name=value` rows, the names apart from the values by their tone. */
export function pairs(texts: readonly string[]): Span[][] {
  return texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals === -1) return [span(screenText(text))];
    return [
      span(screenText(text.slice(0, equals)), "jsonKey"),
      span("=", "faint"),
      span(screenText(text.slice(equals + 1))),
    ];
  });
}

/** A command as a shell would take it. */
export function commandLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

/** What stands in a JSON document at a path; null where nothing does. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return null;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found ?? null;
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : "";
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : 0;
}

export function textsAt(value: unknown, ...path: readonly string[]): string[] {
  const found = at(value, ...path);
  if (typeof found === "string") return [found];
  return Array.isArray(found) ? found.filter((item) => typeof item === "string") : [];
}

export function keysAt(value: unknown, ...path: readonly string[]): string[] {
  const found = at(value, ...path);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? Object.keys(found) : [];
}

/** `name=value` of an object of texts, ordered by name. */
export function entriesAt(value: unknown, ...path: readonly string[]): string[] {
  return keysAt(value, ...path)
    .toSorted()
    .map((key) => `${key}=${textAt(value, ...path, key)}`);
}
