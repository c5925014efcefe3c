import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";
import { parsePruneFilter, pruneCaches, pruneContainers, pruneImages, pruneNetworks, pruneVolumes } from "../prune.ts";

type Flags = { all?: true; force?: true; filter?: string[]; volumes?: true };

export function command(cli: Cli): Command {
  return newCommand(
    cli,
    "system prune",
    "[options]",
    "remove containers, networks, images and caches that nothing uses",
  )
    .option("-a, --all", "also images that bear names")
    .option("--filter <filter>", "until=24h, label=key[=value], label!=key[=value]", collect)
    .option("-f, --force", "do not ask")
    .option("--volumes", "also anonymous volumes that nothing uses")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const { all = false, volumes: withVolumes = false } = flags;
  const filter = parsePruneFilter(flags.filter ?? []);
  if (withVolumes && filter.until !== null) {
    throw new UsageError('the "until" filter is not supported with "--volumes"', 1);
  }
  const client = await cli.connect();
  if (
    !flags.force &&
    !(await confirm(
      await printableText(warningOf({ all, withVolumes, withCaches: filter.labels.length === 0 }, flags.filter ?? [])),
    ))
  )
    return;
  // Containers first, since what else there is may be in use by one that goes.
  const pruned = [await pruneContainers(client, filter), await pruneNetworks(client, filter)];
  if (withVolumes) pruned.push(await pruneVolumes(client, filter.labels, false));
  pruned.push(await pruneImages(client, filter, all));
  if (filter.labels.length === 0) pruned.push(await pruneCaches(client, { all, until: filter.until }));
  for (const line of pruned.flatMap(({ lines }) => lines)) cli.print(await printableText(line));
  const bytes = pruned.reduce((total, one) => total + one.bytes, 0);
  cli.print(`Total reclaimed space: ${formatBytesFinely(bytes)}`);
}

type Extent = { readonly all: boolean; readonly withVolumes: boolean; readonly withCaches: boolean };

function warningOf({ all, withVolumes, withCaches }: Extent, filters: readonly string[]): string {
  const filtered = filters.map((filter) => `  - ${filter}\n`).join("");
  return [
    "WARNING! This will remove:",
    "  - all stopped containers",
    "  - all networks not used by at least one container",
    ...(withVolumes ? ["  - all anonymous volumes not used by at least one container"] : []),
    `  - all ${all ? "images without at least one container associated to them" : "dangling images"}`,
    ...(withCaches ? [`  - ${all ? "all" : "unused"} build cache`] : []),
    "",
    ...(filtered === "" ? [] : [`  Items to be pruned will be filtered with:\n${filtered}`]),
    "Are you sure you want to continue?",
  ].join("\n");
}
