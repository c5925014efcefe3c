import type { Command } from "commander";
import type { CacheRecord } from "../../../engine/protocol/builds.ts";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { DiskUsage } from "../../../engine/protocol/upkeep.ts";
import { formatBytesFinely } from "../../format/bytes.ts";
import { cacheFields, cacheInDetail } from "../cache-fields.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { containersInDetail, imagesInDetail, volumesInDetail } from "../disk-usage-fields.ts";
import { type Fields, type ListingSpec, renderListing } from "../listing.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

type Flags = { format?: string; verbose?: true };

const listing: ListingSpec = {
  headers: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  columns: ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
  quietField: "Type",
};

export function command(cli: Cli): Command {
  return newCommand(cli, "system df", "[options]", "show what the disk is used for")
    .option("--format <format>", "table, json, or a template such as '{{.Type}}'")
    .option("-v, --verbose", "each image, container and volume")
    .action((flags: Flags) => showUsage(cli, flags));
}

async function showUsage(cli: Cli, { format, verbose }: Flags): Promise<void> {
  const client = await cli.connect();
  const [disk, caches] = await Promise.all([
    client.request("system.diskUsage", {}),
    client.request("builder.usage", {}),
  ]);
  const usage = { ...disk, caches };
  if (!verbose) return cli.print(await renderListing(rowsOf(usage), listing, { format }));
  const containers = await client.request("containers.list", { all: true });
  if (format === undefined || format === "table") return cli.print(await inDetail(usage, containers));
  const detail = asData(usage, containers);
  if (format === "json") return cli.print(printableJson(detail));
  cli.print(await printableText(compileTemplate(format, { strict: true })(detail)));
}

type WholeUsage = DiskUsage & { readonly caches: readonly CacheRecord[] };
type Usage = Pick<DiskUsage["blobs"], "total" | "active" | "size" | "reclaimable">;

/** Docker's rows, and one for what it does not keep: the layers as they came from a registry or an archive. */
function rowsOf({ images, containers, volumes, caches, blobs }: WholeUsage): Fields[] {
  const rows: [string, Usage][] = [
    ["Images", images],
    ["Containers", containers],
    ["Local Volumes", volumes],
    ["Build Cache", usageOf(caches)],
    ["Blobs", blobs],
  ];
  return rows.map(([type, { total, active, size, reclaimable }]) => ({
    Active: String(active),
    Reclaimable: withShare(reclaimable, size),
    Size: formatBytesFinely(size),
    TotalCount: String(total),
    Type: type,
  }));
}

function usageOf(caches: readonly CacheRecord[]): Usage {
  const sizeOf = (records: readonly CacheRecord[]) => records.reduce((sum, { size }) => sum + size, 0);
  const used = caches.filter(({ inUse }) => inUse);
  const size = sizeOf(caches);
  return { total: caches.length, active: used.length, size, reclaimable: size - sizeOf(used) };
}

function withShare(bytes: number, total: number): string {
  const share = total === 0 ? "" : ` (${Math.floor((100 * bytes) / total)}%)`;
  return `${formatBytesFinely(bytes)}${share}`;
}

async function inDetail(usage: WholeUsage, containers: readonly ContainerSummary[]): Promise<string> {
  const now = Date.now();
  const [imageFields, imageSpec] = imagesInDetail(usage.images, { now, truncate: true });
  const [containerFields, containerSpec] = containersInDetail(usage.containers, containers, { now, truncate: true });
  const { total, active, size, reclaimable } = usage.blobs;
  return [
    "Images space usage:\n",
    await renderListing(imageFields, imageSpec, {}),
    "\nContainers space usage:\n",
    await renderListing(containerFields, containerSpec, {}),
    "\nLocal Volumes space usage:\n",
    await renderListing(...volumesInDetail(usage.volumes), {}),
    `\nBuild cache usage: ${formatBytesFinely(usageOf(usage.caches).size)}\n`,
    await renderListing(
      usage.caches.map((record) => cacheFields(record, now)),
      cacheInDetail,
      {},
    ),
    `\nBlobs space usage: ${formatBytesFinely(size)} in ${total}, ${active} of them held by images, ${formatBytesFinely(reclaimable)} reclaimable`,
  ].join("\n");
}

function asData(usage: WholeUsage, containers: readonly ContainerSummary[]): Record<string, readonly Fields[]> {
  const options = { now: Date.now(), truncate: false };
  return {
    Images: imagesInDetail(usage.images, options)[0],
    Containers: containersInDetail(usage.containers, containers, options)[0],
    Volumes: volumesInDetail(usage.volumes)[0],
    BuildCache: usage.caches.map((record) => cacheFields(record, options.now)),
  };
}
