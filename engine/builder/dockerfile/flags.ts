import { EngineError } from "../../errors.ts";
import { refuse } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

/** many: may be given more than once. */
export type FlagKind = "boolean" | "text" | "many";

/** What the flags of an instruction say. An absent one is null, a `many` empty. */
export type Flags = {
  readonly text: (name: string) => string | null;
  readonly boolean: (name: string) => boolean | null;
  readonly many: (name: string) => readonly string[];
};

/** Reads `--name=value` and `--name`. Fails with `invalid-argument` for what `kinds` does not have, for a value missing, or given twice. */
export function readFlags(words: readonly string[], kinds: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, string[]>();
  for (const word of words) {
    const separator = word.indexOf("=");
    const flag = separator === -1 ? word : word.slice(0, separator);
    const name = flag.slice(2);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) return refuse(`unknown flag: ${flag}${didYouMean(name, Object.keys(kinds))}`);
    const known = values.get(name);
    if (known !== undefined && kind !== "many") refuse(`duplicate flag specified: ${flag}`);
    const value = readValue(flag, separator === -1 ? null : word.slice(separator + 1), kind);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  const first = (name: string): string | null => values.get(name)?.[0] ?? null;
  return {
    // `--chown=` is as if it were not there.
    text: (name) => first(name) || null,
    boolean: (name) => (first(name) === null ? null : first(name) === "true"),
    many: (name) => values.get(name) ?? [],
  };
}

function readValue(flag: string, value: string | null, kind: FlagKind): string {
  if (kind !== "boolean") return value ?? refuse(`missing a value on flag: ${flag}`);
  if (value === "") refuse(`missing a value on flag: ${flag}`);
  const truth = (value ?? "true").toLowerCase();
  if (truth === "true" || truth === "false") return truth;
  throw new EngineError("invalid-argument", `expecting boolean value for flag ${flag}, not: ${value}`);
}
