import type { Command } from "commander";
import type { CachePrune } from "../../../engine/protocol/builds.ts";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { parseFilters } from "../filters.ts";
import { parseBytes } from "../parse/sizes.ts";
import { UsageError } from "../parse/usage-error.ts";
import { momentOf, pruneCaches } from "../prune.ts";

type Flags = { all?: true; force?: true; filter?: string[]; keepStorage?: string; maxUsedSpace?: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "builder prune", "[options]", "remove the cache of builds")
    .option("-a, --all", "also what images use")
    .option("--filter <filter>", "until=24h, id=…, type=…", collect)
    .option("-f, --force", "do not ask")
    .option("--keep-storage <size>", "bytes that may stay, of what was used last")
    .option("--max-used-space <size>", "the same as --keep-storage")
    .action((flags: Flags) => prune(cli, flags));
}

async function prune(cli: Cli, flags: Flags): Promise<void> {
  const wish = wishOf(flags);
  const client = await cli.connect();
  const which = wish.all ? "all build cache" : "all dangling build cache";
  const warning = `WARNING! This will remove ${which}.\nAre you sure you want to continue?`;
  if (!flags.force && !(await confirm(warning))) return;
  const { lines, bytes } = await pruneCaches(client, wish, wish);
  for (const line of lines) cli.print(line);
  cli.print(`Total reclaimed space: ${formatBytesFinely(bytes)}`);
}

function wishOf({ all, filter = [], keepStorage, maxUsedSpace }: Flags): CachePrune {
  const filters = parseFilters(filter, ["until", "unused-for", "id", "type"]);
  const untils = [...(filters.get("until") ?? []), ...(filters.get("unused-for") ?? [])];
  if (untils.length > 1) throw new UsageError("more than one until filter specified", 1);
  const kept = keepStorage ?? maxUsedSpace;
  return {
    all: all ?? false,
    keepStorage: kept === undefined ? null : parseBytes("--keep-storage", kept),
    until: untils[0] === undefined ? null : momentOf(untils[0]),
    types: [...(filters.get("type") ?? [])],
    ids: [...(filters.get("id") ?? [])],
  };
}
