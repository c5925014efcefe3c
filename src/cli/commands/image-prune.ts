import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { printableText } from "../printable.ts";
import { parsePruneFilter, pruneImages } from "../prune.ts";

type Flags = { all?: true; force?: true; filter?: string[] };

export function command(cli: Cli): Command {
  return newCommand(cli, "image prune", "[options]", "remove images that nothing uses")
    .option("-a, --all", "also those that bear names")
    .option("--filter <filter>", "until=24h, label=key[=value], label!=key[=value]", collect)
    .option("-f, --force", "do not ask")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const { filters, ...filter } = parsePruneFilter(flags.filter ?? [], ["dangling"]);
  // Docker's own way to say it: dangling=false is --all.
  const dangling = filters.get("dangling")?.at(-1);
  const all = flags.all === true || dangling === "false" || dangling === "0";
  const which = all ? "images without at least one container associated to them" : "dangling images";
  const client = await cli.connect();
  const warning = `WARNING! This will remove all ${which}.\nAre you sure you want to continue?`;
  if (!flags.force && !(await confirm(warning))) return;
  const { lines, bytes } = await pruneImages(client, filter, all);
  for (const line of lines) cli.print(await printableText(line));
  cli.print(`Total reclaimed space: ${formatBytesFinely(bytes)}`);
}
