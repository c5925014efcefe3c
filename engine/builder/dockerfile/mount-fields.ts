import { refuse } from "./failure.ts";

/** A part of a `--mount`. key: in lower case; value: null where it stands alone. */
export type MountField = { readonly key: string; readonly value: string | null; readonly text: string };

/** Reads one line of comma-separated values (RFC 4180). Fails with `invalid-argument`. */
export function readMountFields(text: string): MountField[] {
  return splitValues(text).map((field) => {
    const separator = field.indexOf("=");
    if (separator === -1) return { key: field.toLowerCase(), value: null, text: field };
    return { key: field.slice(0, separator).toLowerCase(), value: field.slice(separator + 1), text: field };
  });
}

/** The other way round. */
export function writeMountFields(fields: readonly Pick<MountField, "key" | "value">[]): string {
  return fields.map(({ key, value }) => writeValue(value === null ? key : `${key}=${value}`)).join(",");
}

function writeValue(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function splitValues(text: string): string[] {
  const values: string[] = [];
  let at = 0;
  for (;;) {
    const { value, end } = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at);
    values.push(value);
    if (end >= text.length) return values;
    at = end + 1;
  }
}

function readPlain(text: string, start: number): { value: string; end: number } {
  const comma = text.indexOf(",", start);
  const end = comma === -1 ? text.length : comma;
  const value = text.slice(start, end);
  if (value.includes('"')) refuse('failed to parse csv mounts: parse error: bare " in non-quoted-field');
  return { value, end };
}

/** A quote within is written twice. */
function readQuoted(text: string, start: number): { value: string; end: number } {
  let value = "";
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) refuse('failed to parse csv mounts: parse error: extraneous or missing " in quoted-field');
    value += text.slice(at, quote);
    at = quote + 1;
    if (text[at] !== '"') break;
    value += '"';
    at++;
  }
  if (at < text.length && text[at] !== ",") {
    refuse('failed to parse csv mounts: parse error: extraneous or missing " in quoted-field');
  }
  return { value, end: at };
}
