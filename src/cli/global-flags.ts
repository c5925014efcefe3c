import { UsageError } from "./parse/usage-error.ts";

/** Flags before the verb. */
export type GlobalFlags = {
  root?: string;
  run?: string;
  theme?: string;
  keymap?: string;
  config?: string;
  readOnly: boolean;
  ascii: boolean;
  help: boolean;
  version: boolean;
};

/** Splits the flags before the first word from the rest, without commander: the verb decides what has to be loaded. */
export function splitGlobalFlags(args: readonly string[]): { flags: GlobalFlags; rest: readonly string[] } {
  const flags: GlobalFlags = { readOnly: false, ascii: false, help: false, version: false };
  let index = 0;
  for (; args[index]?.startsWith("-"); index++) {
    const [name = "", inline] = splitFlag(args[index] ?? "");
    const switchKey = switches[name];
    if (switchKey !== undefined) flags[switchKey] = true;
    else flags[valueKey(name)] = inline ?? requireValue(name, args[++index]);
  }
  return { flags, rest: args.slice(index) };
}

const switches: Readonly<Record<string, "help" | "version" | "readOnly" | "ascii">> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-v": "version",
  "--read-only": "readOnly",
  "--ascii": "ascii",
};

type ValueKey = "root" | "run" | "theme" | "keymap" | "config";

const valueFlags: Readonly<Record<string, ValueKey>> = {
  "--root": "root",
  "--run": "run",
  "--theme": "theme",
  "--keymap": "keymap",
  "--config": "config",
};

function splitFlag(arg: string): [string, string | undefined] {
  const equals = arg.indexOf("=");
  return equals === -1 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function valueKey(name: string): ValueKey {
  const key = valueFlags[name];
  if (key === undefined) throw new UsageError(`unknown flag ${name}`);
  return key;
}

function requireValue(name: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new UsageError(`flag ${name} needs a value`);
  return value;
}
