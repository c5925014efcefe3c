import type { Command } from "commander";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { ImageSummary } from "../../../engine/protocol/images.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { type ContainerFieldOptions, containerFields, containerListing, withReason } from "../container-fields.ts";
import { containerFilterKeys, filterContainers } from "../container-filters.ts";
import { parseFilters } from "../filters.ts";
import { renderListing } from "../listing.ts";
import { parseInteger } from "../parse/sizes.ts";

type PsOptions = {
  all?: true;
  filter?: string[];
  format?: string;
  last?: string;
  latest?: true;
  trunc: boolean;
  quiet?: true;
  size?: true;
};

export function command(cli: Cli): Command {
  return newCommand(cli, "ps", "[options]", "list containers")
    .option("-a, --all", "also those that do not run")
    .option("-f, --filter <filter>", "key=value, e.g. status=exited, name=web, label=tier=db", collect)
    .option("--format <format>", "table, json, or a template such as '{{.Names}}'")
    .option("-n, --last <number>", "the last created, whatever their state")
    .option("-l, --latest", "the last created one")
    .option("--no-trunc", "nothing shortened")
    .option("-q, --quiet", "ids only")
    .option("-s, --size", "sizes on disk")
    .action((options: PsOptions) => listContainers(cli, options));
}

async function listContainers(cli: Cli, options: PsOptions): Promise<void> {
  const filters = parseFilters(options.filter ?? [], containerFilterKeys);
  const last = options.latest ? 1 : parseInteger("--last", options.last ?? "-1", { minimum: -1 });
  // A template that shows the size asks for it, as docker's.
  const withSize = options.size === true || /\.Size\b/.test(options.format ?? "");
  const client = await cli.connect();
  const needsImages = withSize || filters.has("ancestor");
  const [all, images] = await Promise.all([
    client.request("containers.list", { all: true }),
    needsImages ? client.request("images.list", {}) : [],
  ]);
  const everyState = options.all === true || last >= 0 || filters.has("status") || filters.has("exited");
  const passing = filterContainers(newestFirst(all), images, filters).filter(
    (container) => everyState || isUp(container),
  );
  const chosen = last >= 0 ? passing.slice(0, last) : passing;
  const sizes = withSize ? await measure(client, chosen, images) : new Map();
  const now = Date.now();
  const items = chosen.map((container) =>
    containerFields(container, { now, truncate: options.trunc, size: sizes.get(container.id) ?? null }),
  );
  const columns = options.size ? [...containerListing.columns, "Size"] : containerListing.columns;
  const isTable = options.format === undefined || options.format === "table";
  const rows = isTable ? items.map(withReason) : items;
  const text = await renderListing(rows, { ...containerListing, columns }, options);
  if (text !== "") cli.print(text);
}

function isUp(container: ContainerSummary): boolean {
  return container.status === "running" || container.status === "paused" || container.status === "restarting";
}

function newestFirst(containers: readonly ContainerSummary[]): ContainerSummary[] {
  return [...containers].sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
}

type Sizes = Map<string, ContainerFieldOptions["size"]>;

async function measure(
  client: EngineClient,
  containers: readonly ContainerSummary[],
  images: readonly ImageSummary[],
): Promise<Sizes> {
  const sizes: Sizes = new Map();
  for (const { id, imageID } of containers) {
    const { writable } = await client.request("layers.ofContainer", { container: id });
    const image = images.find((known) => known.id === imageID)?.size ?? 0;
    sizes.set(id, { writable: writable?.size ?? 0, image });
  }
  return sizes;
}
