import { Command, type Option } from "commander";
import type { Cli } from "./cli.ts";

/** What a verb's file exports. */
export type VerbModule = { readonly command: (cli: Cli) => Command };

/**
 * A verb of the command line: `--root` and `--run` wherever they stand, `--help`, no exit by commander itself. `synopsis` is what
 * follows the name in the usage line.
 */
export function newCommand(cli: Cli, name: string, synopsis: string, summary: string): Command {
  return new Command(`gantry ${name}`)
    .usage(synopsis)
    .description(summary)
    .helpOption("--help", "show this help")
    .option("--root <directory>", "state of the engine (default: /var/lib/gantry)")
    .option("--run <directory>", "sockets of the engine (default: /run/gantry)")
    .hook("preAction", (command) => {
      const { root, run } = command.opts<{ root?: string; run?: string }>();
      cli.directories = { root: root ?? cli.directories.root, run: run ?? cli.directories.run };
    })
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
}

/** Collects a flag that may stand several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/**
 * Docker's flags take `--flag=true` and `--flag=false`, which commander does not know: the first becomes `--flag`, the second takes
 * it away, or becomes `--no-flag` where there is one. `-e=A=1` is `-e A=1`. Where there may be any number of arguments, looks at the
 * flags before the first one only, since what follows may belong to a command in a container.
 */
export function settleBooleans(command: Command, args: readonly string[]): string[] {
  let settled: string[] = [];
  const isOpen = command.registeredArguments.some((argument) => argument.variadic);
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const isArgument = arg === "-" || !arg.startsWith("-");
    if (arg === "--" || (isArgument && isOpen)) return [...settled, ...args.slice(index)];
    settled = isArgument ? [...settled, arg] : settle(command, arg, settled);
    if (!isArgument && takesNext(command, arg)) settled.push(...args.slice(index + 1, ++index + 1));
  }
  return settled;
}

function settle(command: Command, arg: string, before: readonly string[]): string[] {
  const equals = arg.indexOf("=");
  if (equals === -1) return [...before, arg];
  const flag = arg.slice(0, equals);
  const value = arg.slice(equals + 1);
  const option = findOption(command, flag);
  if (option?.required && /^-\w$/.test(flag)) return [...before, flag, value];
  const isSwitch = option !== undefined && !option.required && !option.optional;
  const truth = isSwitch ? truths[value] : undefined;
  if (truth === undefined) return [...before, arg];
  const others = before.filter((other) => other !== option?.long && other !== option?.short);
  if (truth) return [...others, flag];
  const opposite = `--no-${option?.long?.slice(2) ?? ""}`;
  return findOption(command, opposite) === undefined ? others : [...others, opposite];
}

/** The words that Go's flags take for a truth value. */
const truths: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false])),
};

function findOption(command: Command, flag: string): Option | undefined {
  return command.options.find((option) => option.long === flag || option.short === flag);
}

/** True when the value of this flag, or of the last letter of a cluster such as `-itp`, is the next argument. */
function takesNext(command: Command, arg: string): boolean {
  if (arg.startsWith("--")) return !arg.includes("=") && (findOption(command, arg)?.required ?? false);
  for (const [index, letter] of [...arg.slice(1)].entries()) {
    if (findOption(command, `-${letter}`)?.required) return index === arg.length - 2;
  }
  return false;
}
