import { screenText } from "../format/screen-text.ts";
import { type Line, type Span, span } from "../theme/tokens.ts";

/** A JSON value as indented rows, keys and values in their tones. */
export function jsonLines(value: unknown): Line[] {
  const lines: Line[] = [];
  write(value, { indent: 0, prefix: [], comma: false }, lines);
  return lines;
}

type Place = { readonly indent: number; readonly prefix: readonly Span[]; readonly comma: boolean };

function write(value: unknown, place: Place, lines: Line[]): void {
  const start = [span("  ".repeat(place.indent)), ...place.prefix];
  const comma = span(place.comma ? "," : "", "faint");
  const entries = Array.isArray(value)
    ? value.map((item) => [null, item] as const)
    : typeof value === "object" && value !== null
      ? Object.entries(value)
      : null;
  if (entries === null) {
    lines.push({ spans: [...start, scalar(value), comma] });
    return;
  }
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    lines.push({ spans: [...start, span(open + close, "faint"), comma] });
    return;
  }
  lines.push({ spans: [...start, span(open, "faint")] });
  for (const [index, [key, item]] of entries.entries()) {
    const prefix = key === null ? [] : [span(screenText(key), "jsonKey"), span(": ", "faint")];
    write(item, { indent: place.indent + 1, prefix, comma: index < entries.length - 1 }, lines);
  }
  lines.push({ spans: [span("  ".repeat(place.indent)), span(close, "faint"), comma] });
}

function scalar(value: unknown): Span {
  if (typeof value === "string") return span(screenText(JSON.stringify(value)), "jsonString");
  if (typeof value === "number" || typeof value === "boolean") return span(String(value), "jsonNumber");
  return span("null", "faint");
}
