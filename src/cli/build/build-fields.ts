import { splitCsv } from "../parse/csv.ts";
import { UsageError } from "../parse/usage-error.ts";

/** What docker's client says of a wrong value of build ends with 1; only an unknown flag with 125. */
export function wrong(message: string): UsageError {
  return new UsageError(message, 1);
}

/** `a=b,c=d` to a map, keys in lower case. Fails in docker's words for a field without a value. */
export function parseFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    if (equals === -1) throw wrong(`invalid field '${field}' must be a key=value pair`);
    fields.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  return fields;
}

/** Fails for a key that would be left out silently. */
export function checkKeys(text: string, fields: ReadonlyMap<string, string>, known: readonly string[]): void {
  const stranger = [...fields.keys()].find((key) => !known.includes(key));
  if (stranger !== undefined) throw wrong(`unexpected key '${stranger}' in '${text}'`);
}

/** Go's strconv.ParseBool; null for what is none of its words. */
export function findTruth(text: string): boolean | null {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return null;
}
