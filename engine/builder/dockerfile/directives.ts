import { isBlank, trimStart } from "./blanks.ts";
import { refuse } from "./failure.ts";
import type { CheckOptions } from "./types.ts";

export type Directives = { syntax: string | null; escape: "\\" | "`"; check: CheckOptions };

const noChecks: CheckOptions = { skip: [], experimental: [], isError: false };

/** Reads `# name=value` at the top of a Dockerfile: the first other line ends them. */
export class DirectiveReader {
  readonly directives: Directives = { syntax: null, escape: "\\", check: noChecks };
  readonly #seen = new Set<string>();
  #isOver = false;

  /** Gives true where the line is a directive. Fails with `invalid-argument` for one that is there twice, or that is wrong. */
  take(line: string): boolean {
    if (this.#isOver) return false;
    const found = line.startsWith("#") ? findDirective(line.slice(1)) : null;
    if (found === null) {
      this.#isOver = true;
      return false;
    }
    const [name, value] = found;
    if (this.#seen.has(name)) refuse(`only one ${name} parser directive can be used`);
    this.#seen.add(name);
    if (name === "escape") this.directives.escape = parseEscape(value);
    else if (name === "syntax") this.directives.syntax = value.split(" ", 1)[0] ?? value;
    else this.directives.check = parseChecks(value.split(" ", 1)[0] ?? "");
    return true;
  }
}

/** `name=value` of one of the names that are known. text: what follows the `#`. */
export function findDirective(text: string): [name: "syntax" | "escape" | "check", value: string] | null {
  const line = trimStart(text);
  const separator = line.indexOf("=");
  if (separator === -1) return null;
  const name = trimEnd(line.slice(0, separator)).toLowerCase();
  const value = trimEnd(trimStart(line.slice(separator + 1)));
  if (value === "" || (name !== "syntax" && name !== "escape" && name !== "check")) return null;
  return [name, value];
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function parseEscape(value: string): "\\" | "`" {
  if (value === "\\" || value === "`") return value;
  return refuse(`invalid escape token '${value}' does not match \` or \\`);
}

/** Reads `skip=A,B;experimental=C;error=true`. Fails with `invalid-argument`. */
export function parseChecks(text: string): CheckOptions {
  const lists: Record<string, string[]> = { skip: [], experimental: [] };
  let isError = false;
  for (const part of text === "" ? [] : text.split(";")) {
    const separator = part.indexOf("=");
    const key = part.slice(0, Math.max(0, separator)).trim();
    const value = part.slice(separator + 1).trim();
    if (separator === -1) refuse(`failed to parse check options: invalid check option "${part}"`);
    if (key === "error") isError = parseBoolean(value);
    else if (Object.hasOwn(lists, key)) lists[key] = value.split(",").flatMap((rule) => rule.trim() || []);
    else refuse(`failed to parse check options: invalid check option "${key}"`);
  }
  return { skip: lists.skip ?? [], experimental: lists.experimental ?? [], isError };
}

function parseBoolean(text: string): boolean {
  const value = findBoolean(text);
  return value ?? refuse(`failed to parse check options: "${text}" is neither true nor false`);
}

/** Go's strconv.ParseBool. */
export function findBoolean(text: string): boolean | null {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : null;
}
