import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { parsePruneFilter, pruneContainers } from "../prune.ts";

type Flags = { force?: true; filter?: string[] };

export function command(cli: Cli): Command {
  return newCommand(cli, "container prune", "[options]", "remove containers that do not run")
    .option("--filter <filter>", "until=24h, label=key[=value], label!=key[=value]", collect)
    .option("-f, --force", "do not ask")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const filter = parsePruneFilter(flags.filter ?? []);
  const client = await cli.connect();
  const warning = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";
  if (!flags.force && !(await confirm(warning))) return;
  const { lines, bytes } = await pruneContainers(client, filter);
  for (const line of lines) cli.print(line);
  cli.print(`Total reclaimed space: ${formatBytesFinely(bytes)}`);
}
