import { type Command, Option } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { FileSubject } from "../../../engine/protocol/files.ts";
import type { EngineClient } from "../../client/connection.ts";
import { download } from "../../client/download.ts";
import { formatBytes } from "../../format/bytes.ts";
import { openArchiveOutput } from "../archive-output.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { comparedListing, comparedOf, entryListing, entryOf, wastedListing, wastedOf } from "../file-fields.ts";
import { Interruptible } from "../interrupt.ts";
import { renderListing } from "../listing.ts";
import { parseBytes, parseInteger } from "../parse/sizes.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableJson } from "../printable.ts";

type LayersOptions = {
  layer?: number;
  upTo?: number;
  recursive?: true;
  changed?: true;
  filter?: string;
  minSize?: number;
  sort: "name" | "size";
  limit: number;
  format?: string;
  output?: string;
  waste?: true;
  lowestEfficiency?: number;
  compare?: true;
};

const pageSize = 1_000;

export function command(cli: Cli): Command {
  return newCommand(
    cli,
    "layers",
    "[options] IMAGE|CONTAINER [PATH]\n       gantry layers --waste [options] IMAGE|CONTAINER\n       gantry layers --compare [options] A B",
    "show what is in the layers of an image or a container",
  )
    .option(
      "--layer <n>",
      "only what this layer brought; the lowest is 0, a container's own the highest",
      count("--layer"),
    )
    .option("--up-to <n>", "the sum of the layers up to this one", count("--up-to"))
    .option("-R, --recursive", "all that is below the path")
    .option("--changed", "all below that the chosen layer changed (the highest, if none is chosen)")
    .option("--filter <text>", "all below with this in the path")
    .option("--min-size <bytes>", "all files below as large as this, e.g. 10m", (text) =>
      parseBytes("--min-size", text),
    )
    .addOption(new Option("--sort <order>", "name, or the biggest first").choices(["name", "size"]).default("name"))
    .option("--limit <n>", "lines at most", count("--limit"), 10_000)
    .option("--format <format>", "table, json, or a template such as '{{.Path}}'")
    .option("-o, --output <file>", "write the path as tar into a file, - for stdout, and list nothing")
    .option("--waste", "how much lies in layers that nobody can see, and the worst files")
    .option("--lowest-efficiency <x>", "with --waste: exit code 1 below this, from 0 to 1", fraction)
    .option("--compare", "which files differ between two images or containers")
    .argument("<name>")
    .argument("[path]")
    .action(async (name: string, path: string | undefined, options: LayersOptions) => {
      if (options.layer !== undefined && options.upTo !== undefined) {
        throw new UsageError("give --layer or --up-to, not both");
      }
      if (options.lowestEfficiency !== undefined && !options.waste) {
        throw new UsageError("--lowest-efficiency needs --waste");
      }
      const client = await cli.connect();
      const subject = { ...(await findSubject(client, name)), ...viewOf(options) };
      if (options.compare) await compare(cli, client, { subject, other: path, options });
      else if (options.waste) await showWaste(cli, client, subject, options);
      else if (options.output !== undefined) await writeArchive(client, subject, path ?? "/", options.output);
      else await list(cli, client, { subject, path: path ?? "/", options });
    });
}

type Named = Pick<FileSubject, "type" | "name">;

/** A container of this name comes before an image. */
async function findSubject(client: EngineClient, name: string): Promise<Named> {
  for (const type of ["container", "image"] as const) {
    try {
      if (type === "container") await client.request("containers.port", { container: name });
      else await client.request("images.history", { image: name });
      return { type, name };
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not-found") throw error;
    }
  }
  throw new EngineError("not-found", `no container and no image is called ${name}`, {
    hint: "see: gantry ps --all, gantry images",
  });
}

function viewOf({ layer, upTo }: LayersOptions): Pick<FileSubject, "layer" | "view"> {
  return layer === undefined ? { layer: upTo ?? null, view: "upTo" } : { layer, view: "layer" };
}

async function list(
  cli: Cli,
  client: EngineClient,
  { subject, path, options }: { subject: FileSubject; path: string; options: LayersOptions },
): Promise<void> {
  const { recursive, changed, filter: contains, minSize, sort: order, limit } = options;
  const isSearch = recursive || changed || contains !== undefined || minSize !== undefined;
  const filter = { contains: contains ?? "", minimumSize: minSize ?? 0, changed: changed === true };
  const query = { subject, path, filter: isSearch ? filter : null, order };
  const entries = await collect(cli, limit, (page) =>
    client.request("files.list", { ...query, ...page }).then(({ entries: items, total }) => ({ items, total })),
  );
  await print(cli, entries, { listing: entryListing, fieldsOf: entryOf, format: options.format });
}

async function showWaste(cli: Cli, client: EngineClient, subject: FileSubject, options: LayersOptions): Promise<void> {
  const limit = Math.min(options.limit, pageSize);
  const waste = await client.request("files.waste", { subject, limit });
  if (options.format === "json") cli.print(printableJson(waste));
  else {
    if (options.format === undefined) {
      cli.print(`efficiency: ${percentOf(waste.efficiency)}`);
      cli.print(`wasted: ${formatBytes(waste.wastedBytes)} of ${formatBytes(waste.totalBytes)}`);
    }
    await print(cli, waste.files, { listing: wastedListing, fieldsOf: wastedOf, format: options.format });
  }
  const { lowestEfficiency: lowest } = options;
  if (lowest === undefined || waste.efficiency >= lowest) return;
  cli.say(`gantry: efficiency ${percentOf(waste.efficiency)} is lower than ${percentOf(lowest)}`);
  cli.exitCode = 1;
}

async function compare(
  cli: Cli,
  client: EngineClient,
  { subject: left, other, options }: { subject: FileSubject; other: string | undefined; options: LayersOptions },
): Promise<void> {
  if (other === undefined) throw new UsageError("--compare needs two images or containers");
  const right: FileSubject = { ...(await findSubject(client, other)), layer: null, view: "upTo" };
  const layers = { shared: 0, left: 0, right: 0 };
  const files = await collect(cli, options.limit, async (page) => {
    const found = await client.request("files.compare", { left, right, contains: options.filter ?? "", ...page });
    layers.shared = found.sharedLayers.length;
    layers.left = found.leftLayers.length;
    layers.right = found.rightLayers.length;
    return { items: found.files, total: found.total };
  });
  if (options.format === undefined) {
    cli.print(`layers: ${layers.shared} shared, ${layers.left} of ${left.name} only, ${layers.right} of ${other} only`);
    if (files.length === 0) cli.print("no file differs");
  }
  if (files.length > 0)
    await print(cli, files, { listing: comparedListing, fieldsOf: comparedOf, format: options.format });
}

async function writeArchive(client: EngineClient, subject: FileSubject, path: string, output: string): Promise<void> {
  await using archive = await openArchiveOutput("write tar", output);
  using _leaving = new Interruptible();
  await download(
    client,
    (bytes) => archive.write(bytes),
    (streamID) => client.request("files.archive", { subject, path, streamID }),
  );
  await archive.keep();
}

type Page<T> = { readonly items: readonly T[]; readonly total: number };

/** All pages up to the limit, and a word on stderr where there is more. */
async function collect<T>(
  cli: Cli,
  limit: number,
  request: (page: { offset: number; limit: number }) => Promise<Page<T>>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await request({ offset: all.length, limit: Math.min(pageSize, limit - all.length) });
    all.push(...page.items);
    const isLast = page.items.length === 0 || all.length >= page.total;
    if (!isLast && all.length < limit) continue;
    if (all.length < page.total) cli.say(`warning: ${page.total - all.length} more are not shown: see --limit`);
    return all;
  }
}

type Printing<T> = {
  readonly listing: Parameters<typeof renderListing>[1];
  readonly fieldsOf: (item: T) => Readonly<Record<string, string>>;
  readonly format: string | undefined;
};

async function print<T>(cli: Cli, items: readonly T[], { listing, fieldsOf, format }: Printing<T>): Promise<void> {
  if (format !== "json") {
    const text = await renderListing(items.map(fieldsOf), listing, { format });
    if (text !== "") cli.print(text);
  } else for (const item of items) cli.print(printableJson(item));
}

/** Rounded down: only what is whole is 100 %. */
function percentOf(share: number): string {
  return `${Math.floor(share * 1e4) / 100} %`;
}

function count(flag: string): (text: string) => number {
  return (text) => parseInteger(flag, text, { minimum: 0 });
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new UsageError(`"${text}" is not a number from 0 to 1`);
}
