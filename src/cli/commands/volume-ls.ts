import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseFilters } from "../filters.ts";
import { renderListing } from "../listing.ts";
import { compareNaturally } from "../natural-order.ts";
import { filterVolumes, volumeFields, volumeFilterKeys, volumeListing } from "../volume-fields.ts";

type ListOptions = { filter?: string[]; format?: string; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "volume ls", "[options]", "list volumes")
    .option("-f, --filter <filter>", "key=value: dangling, driver, label, name", collect)
    .option("--format <format>", "table, json, or a template such as '{{.Name}} {{.Size}}'")
    .option("-q, --quiet", "names only")
    .action((options: ListOptions) => listVolumes(cli, options));
}

async function listVolumes(cli: Cli, options: ListOptions): Promise<void> {
  const filters = parseFilters(options.filter ?? [], volumeFilterKeys);
  const client = await cli.connect();
  const volumes = filterVolumes(await client.request("volumes.list", {}), filters);
  const items = volumes.sort((a, b) => compareNaturally(a.name, b.name)).map(volumeFields);
  const text = await renderListing(items, volumeListing, options);
  if (text !== "") cli.print(text);
}
