import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { printableText } from "../printable.ts";
import { parsePruneFilter, pruneContainers, pruneImages } from "../prune.ts";

type Flags = { all?: true; force?: true; filter?: string[]; volumes?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "system prune", "[options]", "remove stopped containers and images that nothing uses")
    .option("-a, --all", "also images that bear names")
    .option("--filter <filter>", "until=24h, label=key[=value], label!=key[=value]", collect)
    .option("-f, --force", "do not ask")
    .option("--volumes", "accepted; there are no volumes yet")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const { all = false } = flags;
  const filter = parsePruneFilter(flags.filter ?? []);
  const client = await cli.connect();
  if (!flags.force && !(await confirm(await printableText(warningOf(all, flags.filter ?? []))))) return;
  // First, since an image may be in use by a container that goes.
  const containers = await pruneContainers(client, filter);
  const images = await pruneImages(client, filter, all);
  for (const line of [...containers.lines, ...images.lines]) cli.print(await printableText(line));
  cli.print(`Total reclaimed space: ${formatBytesFinely(containers.bytes + images.bytes)}`);
}

function warningOf(all: boolean, filters: readonly string[]): string {
  const filtered = filters.map((filter) => `  - ${filter}\n`).join("");
  return [
    "WARNING! This will remove:",
    "  - all stopped containers",
    `  - all ${all ? "images without at least one container associated to them" : "dangling images"}`,
    "",
    ...(filtered === "" ? [] : [`  Items to be pruned will be filtered with:\n${filtered}`]),
    "Are you sure you want to continue?",
  ].join("\n");
}
