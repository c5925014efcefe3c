import { UsageError } from "../../cli/parse/usage-error.ts";
import { shellWord } from "../files/shell-word.ts";
import { splitWords } from "../images/words.ts";

/** How what is typed in a form's field becomes values. Fail with a UsageError that names the field. */

export function words(field: string, text: string): string[] {
  const found = splitWords(text);
  if (found === null) throw new UsageError(`${field}: a quote is not closed`);
  return found;
}

/** `NAME=value` words as an object. */
export function pairsIn(field: string, text: string): Record<string, string> {
  const pairs = words(field, text).map((word): [string, string] => {
    const equals = word.indexOf("=");
    if (equals <= 0) throw new UsageError(`${field}: "${word}" is not NAME=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
  return Object.fromEntries(pairs);
}

export function optional<T>(text: string, parse: (text: string) => T): T | null {
  return text === "" ? null : parse(text);
}

/** A flag with its value, or nothing where there is none. */
export function flag(name: string, value: string): string[] {
  return value === "" ? [] : [`${name} ${shellWord(value)}`];
}

/** Words of a command, those that are not empty. */
export function command(...parts: readonly (string | readonly string[])[]): string {
  return parts
    .flat()
    .filter((part) => part !== "")
    .join(" ");
}
