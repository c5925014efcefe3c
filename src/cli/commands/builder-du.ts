import type { Command } from "commander";
import { formatBytesFinely } from "../../format/bytes.ts";
import { cacheDetails, cacheFields, cacheListing } from "../cache-fields.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseFilters } from "../filters.ts";
import { renderListing } from "../listing.ts";
import { printableText } from "../printable.ts";

type Flags = { filter?: string[]; format?: string; verbose?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "builder du", "[options]", "show what the cache of builds holds")
    .option("--filter <filter>", "id=…, type=…", collect)
    .option("--format <format>", "table, json, or a template such as '{{.ID}}'")
    .option("--verbose", "everything about each")
    .action((flags: Flags) => show(cli, flags));
}

async function show(cli: Cli, { filter = [], format, verbose }: Flags): Promise<void> {
  const filters = parseFilters(filter, ["id", "type"]);
  const client = await cli.connect();
  const [ids, types] = [filters.get("id") ?? [], filters.get("type") ?? []];
  const records = (await client.request("builder.usage", {})).filter(
    ({ id, type }) =>
      (ids.length === 0 || ids.some((start) => id.startsWith(start))) && (types.length === 0 || types.includes(type)),
  );
  const largest = records.toSorted((one, other) => other.size - one.size);
  if (verbose) cli.print(await printableText(largest.map(cacheDetails).join("\n")));
  else
    cli.print(
      await renderListing(
        largest.map((record) => cacheFields(record, Date.now())),
        cacheListing,
        { format },
      ),
    );
  if (format !== undefined) return;
  const sum = (of: typeof records) => formatBytesFinely(of.reduce((total, { size }) => total + size, 0));
  cli.print(`Reclaimable:\t${sum(records.filter(({ inUse }) => !inUse))}\nTotal:\t\t${sum(records)}`);
}
