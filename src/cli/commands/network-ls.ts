import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseFilters } from "../filters.ts";
import { renderListing } from "../listing.ts";
import { compareNaturally } from "../natural-order.ts";
import { filterNetworks, networkFields, networkFilterKeys, networkListing } from "../network-fields.ts";

type ListOptions = { filter?: string[]; format?: string; trunc: boolean; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "network ls", "[options]", "list networks")
    .option("-f, --filter <filter>", "key=value: dangling, driver, id, label, name, scope, type", collect)
    .option("--format <format>", "table, json, or a template such as '{{.Name}}'")
    .option("--no-trunc", "nothing shortened")
    .option("-q, --quiet", "ids only")
    .action((options: ListOptions) => listNetworks(cli, options));
}

async function listNetworks(cli: Cli, options: ListOptions): Promise<void> {
  const filters = parseFilters(options.filter ?? [], networkFilterKeys);
  const client = await cli.connect();
  const [networks, containers] = await Promise.all([
    client.request("networks.list", {}),
    filters.has("dangling") ? client.request("containers.list", { all: true }) : [],
  ]);
  const used = new Set(containers.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  const items = filterNetworks(networks, filters, used)
    .sort((a, b) => compareNaturally(a.name, b.name))
    .map((network) => networkFields(network, options.trunc));
  const text = await renderListing(items, networkListing, options);
  if (text !== "") cli.print(text);
}
