import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { printableText } from "../printable.ts";
import { parsePruneFilter, pruneNetworks } from "../prune.ts";

type Flags = { force?: true; filter?: string[] };

export function command(cli: Cli): Command {
  return newCommand(cli, "network prune", "[options]", "remove networks that no container uses")
    .option("--filter <filter>", "until=24h, label=key[=value], label!=key[=value]", collect)
    .option("-f, --force", "do not ask")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const filter = parsePruneFilter(flags.filter ?? []);
  const client = await cli.connect();
  const warning =
    "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?";
  if (!flags.force && !(await confirm(warning))) return;
  const { lines } = await pruneNetworks(client, filter);
  for (const line of lines) cli.print(await printableText(line));
}
