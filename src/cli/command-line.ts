import { Cli } from "./cli.ts";
import { settleBooleans } from "./command.ts";
import { describeFailure } from "./failure.ts";
import { type GlobalFlags, splitGlobalFlags } from "./global-flags.ts";
import { groupHelp, topHelp } from "./help.ts";
import { flushOutput } from "./output.ts";
import { UsageError } from "./parse/usage-error.ts";
import { groups, type Verb, verbs } from "./verbs.ts";

/** The command line: `gantry [flags] [verb …]`. Gives the code to exit with, once the output has left. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const cli = new Cli();
  let verb = "";
  let failureCode = 1;
  try {
    const { flags, rest } = splitGlobalFlags(args);
    cli.directories = { root: flags.root, run: flags.run };
    if (flags.config !== undefined) process.env.DOCKER_CONFIG = flags.config;
    const words = rest[0] === "help" ? [...rest.slice(1), "--help"] : rest;
    const found = flags.help ? null : findVerb(words);
    if (found === null) await runWithoutVerb(cli, flags, words);
    else {
      verb = found.name;
      failureCode = found.verb.failureCode ?? 1;
      if (!found.name.startsWith("engine ")) await cli.connectAhead();
      await runVerb(cli, found.verb, found.args);
    }
  } catch (error) {
    const failure = await describeFailure(error, verb, failureCode);
    for (const line of failure.lines) cli.say(line);
    cli.exitCode = failure.exitCode;
  }
  await flushOutput();
  return cli.exitCode;
}

async function runVerb(cli: Cli, verb: Verb, args: readonly string[]): Promise<void> {
  const command = (await verb.load()).command(cli);
  await command.parseAsync(settleBooleans(command, args), { from: "user" });
}

type FoundVerb = { readonly name: string; readonly verb: Verb; readonly args: readonly string[] };

/** Null: there is no word at all, or a group's help is wanted. */
function findVerb(words: readonly string[]): FoundVerb | null {
  const [first, second, ...more] = words;
  if (first === undefined || first === "--help") return null;
  const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (verb !== undefined) return { name: first, verb, args: words.slice(1) };
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group === undefined) throw new UsageError(`unknown command "${first}"`, 1);
  if (second === undefined || second === "--help" || second === "-h") return null;
  const member = Object.hasOwn(group, second) ? group[second] : undefined;
  if (member === undefined) throw new UsageError(`unknown command "${first} ${second}"`, 1);
  return { name: `${first} ${second}`, verb: member, args: more };
}

async function runWithoutVerb(cli: Cli, flags: GlobalFlags, words: readonly string[]): Promise<void> {
  const [first = ""] = words;
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group !== undefined) return cli.print(groupHelp(first, group));
  if (flags.version) return cli.print(`gantry ${(await import("../client/version.ts")).clientVersion}`);
  if (flags.help || words.length > 0 || !process.stdin.isTTY || !process.stdout.isTTY) return cli.print(topHelp());
  const { runDashboard } = await import("../main.tsx");
  const { root, run } = cli.paths;
  const { readOnly, theme, keymap } = flags;
  const chosen = {
    ...(theme === undefined ? {} : { theme }),
    ...(keymap === undefined ? {} : { keymap }),
    // Without the flag the terminal's own encoding decides.
    ...(flags.ascii ? { ascii: true } : {}),
  };
  cli.exitCode = await runDashboard({ root, run, readOnly, ...chosen });
}
