import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { parseTruthFilter } from "../filters.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";
import { parseVolumePruneFilter, pruneVolumes } from "../prune.ts";

type Flags = { all?: true; force?: true; filter?: string[] };

export function command(cli: Cli): Command {
  return newCommand(cli, "volume prune", "[options]", "remove volumes that no container uses")
    .option("-a, --all", "also those that bear a name of somebody's choice")
    .option("--filter <filter>", "label=key[=value], label!=key[=value], all=true", collect)
    .option("-f, --force", "do not ask")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const { labels, filters } = parseVolumePruneFilter(flags.filter ?? []);
  const allFilter = parseTruthFilter(filters, "all");
  if (flags.all && allFilter !== null) throw new UsageError("conflicting options: --all and --filter all=…");
  const all = flags.all ?? allFilter ?? false;
  const client = await cli.connect();
  const which = all ? "all" : "anonymous";
  const warning = `WARNING! This will remove ${which} local volumes not used by at least one container.\nAre you sure you want to continue?`;
  if (!flags.force && !(await confirm(warning))) return;
  const { lines, bytes } = await pruneVolumes(client, labels, all);
  for (const line of lines) cli.print(await printableText(line));
  cli.print(`Total reclaimed space: ${formatBytesFinely(bytes)}`);
}
