import type { Command } from "commander";
import type { SearchResult } from "../../../engine/protocol/transfers.ts";
import { splitImageName } from "../../format/image-name.ts";
import { credentialsFor } from "../account.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { type Filters, parseFilters } from "../filters.ts";
import { type Fields, type ListingSpec, renderListing } from "../listing.ts";
import { parseInteger } from "../parse/sizes.ts";
import { UsageError } from "../parse/usage-error.ts";

type SearchFlags = { filter?: string[]; format?: string; limit?: string; trunc: boolean };

const listing: ListingSpec = {
  headers: {
    Name: "NAME",
    Description: "DESCRIPTION",
    StarCount: "STARS",
    IsOfficial: "OFFICIAL",
    IsAutomated: "AUTOMATED",
  },
  columns: ["Name", "Description", "StarCount", "IsOfficial"],
  quietField: "Name",
};
const descriptionWidth = 45;
const defaultLimit = 25;

export function command(cli: Cli): Command {
  return newCommand(cli, "search", "[options] TERM", "look for images in a registry")
    .option("-f, --filter <filter>", "key=value: stars, is-official, is-automated", collect)
    .option("--format <format>", "table, json, or a template such as '{{.Name}}'")
    .option("--limit <number>", "results, 1 to 100 (default: 25)")
    .option("--no-trunc", "nothing shortened")
    .argument("<term>")
    .action((term: string, flags: SearchFlags) => search(cli, term, flags));
}

async function search(cli: Cli, term: string, flags: SearchFlags): Promise<void> {
  const filters = parseFilters(flags.filter ?? [], ["stars", "is-official", "is-automated"]);
  const passes = filterOf(filters);
  const limit = limitOf(flags.limit ?? "0");
  const client = await cli.connect();
  const credentials = await credentialsFor(cli, splitImageName(term).registry);
  const results = await client.request("images.search", { term, limit, credentials });
  const isJson = flags.format === "json" || /\bjson\b/.test(flags.format ?? "");
  const items = results
    .filter(passes)
    .toSorted((one, other) => other.stars - one.stars)
    .map((result) => fieldsOf(result, { truncate: flags.trunc, isJson }));
  cli.print(await renderListing(items, listing, flags));
}

/** Nothing has been built automatically since the registry dropped that word, so is-automated=true holds for none. */
function filterOf(filters: Filters): (result: SearchResult) => boolean {
  const stars = Number(filters.get("stars")?.at(-1) ?? "0");
  if (!(stars >= 0)) throw new UsageError(`invalid filter "stars=${filters.get("stars")?.at(-1)}": want a number`, 1);
  const official = truthOf(filters, "is-official");
  const automated = truthOf(filters, "is-automated");
  return (result) =>
    result.stars >= stars && (official === null || result.isOfficial === official) && automated !== true;
}

/** Docker's engine looks at it, so that a wrong one is no wrong flag. */
function limitOf(text: string): number {
  const limit = parseInteger("--limit", text) || defaultLimit;
  if (limit >= 1 && limit <= 100) return limit;
  throw new UsageError(`limit ${limit} is outside the range of [1, 100]`, 1);
}

function truthOf(filters: Filters, key: string): boolean | null {
  const value = filters.get(key)?.at(-1);
  if (value === undefined) return null;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new UsageError(`invalid filter "${key}=${value}": want true or false`, 1);
}

function fieldsOf(result: SearchResult, options: { truncate: boolean; isJson: boolean }): Fields {
  const description = result.description.replace(/[\r\n]/g, " ");
  const short = options.truncate && [...description].length > descriptionWidth;
  const yes = options.isJson ? "true" : "[OK]";
  const no = options.isJson ? "false" : "";
  return {
    Description: short ? `${[...description].slice(0, descriptionWidth - 1).join("")}…` : description,
    IsAutomated: no,
    IsOfficial: result.isOfficial ? yes : no,
    Name: result.name,
    StarCount: String(result.stars),
  };
}
