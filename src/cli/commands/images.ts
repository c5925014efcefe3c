import type { Command } from "commander";
import type { ImageSummary } from "../../../engine/protocol/images.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseFilters } from "../filters.ts";
import { imageFields, imageListing } from "../image-fields.ts";
import { filterImages, imageFilterKeys } from "../image-filters.ts";
import { renderListing } from "../listing.ts";

type ImagesOptions = { all?: true; digests?: true; filter?: string[]; format?: string; trunc: boolean; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "images", "[options] [NAME[:TAG]]", "list images")
    .option("-a, --all", "accepted; there are no hidden images")
    .option("--digests", "a column with digests")
    .option("-f, --filter <filter>", "key=value: dangling, reference, label, before, since, until", collect)
    .option("--format <format>", "table, json, or a template such as '{{.Repository}}'")
    .option("--no-trunc", "nothing shortened")
    .option("-q, --quiet", "ids only")
    .argument("[name]")
    .action((name: string | undefined, options: ImagesOptions) => listImages(cli, name, options));
}

async function listImages(cli: Cli, name: string | undefined, options: ImagesOptions): Promise<void> {
  const texts = [...(options.filter ?? []), ...(name === undefined ? [] : [`reference=${name}`])];
  const filters = parseFilters(texts, imageFilterKeys);
  const client = await cli.connect();
  const images = filterImages(newestFirst(await client.request("images.list", {})), filters);
  const now = Date.now();
  const digests = options.digests === true || /\.Digest\b/.test(options.format ?? "");
  const items = images.flatMap((image) => imageFields(image, { now, truncate: options.trunc, digests }));
  const columns = options.digests
    ? ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"]
    : imageListing.columns;
  const unique = options.quiet ? [...new Map(items.map((item) => [item.ID, item])).values()] : items;
  const text = await renderListing(unique, { ...imageListing, columns }, options);
  if (text !== "") cli.print(text);
}

function newestFirst(images: readonly ImageSummary[]): ImageSummary[] {
  return [...images].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}
