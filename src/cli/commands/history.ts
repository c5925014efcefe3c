import { type Command, Option } from "commander";
import { formatAge } from "../../../engine/protocol/duration-text.ts";
import type { HistoryEntry } from "../../../engine/protocol/images.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { type Fields, type ListingSpec, renderListing } from "../listing.ts";

type HistoryOptions = { format?: string; human?: boolean; trunc: boolean; quiet?: true };

const listing: ListingSpec = {
  headers: {
    ID: "IMAGE",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
  columns: ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"],
  quietField: "ID",
};
const createdByWidth = 45;

export function command(cli: Cli): Command {
  return newCommand(cli, "history", "[options] IMAGE", "show how an image was made")
    .option("--format <format>", "table, json, or a template such as '{{.CreatedBy}}'")
    .option("-H, --human", "sizes and times for people (default); --human=false: bytes and dates")
    .addOption(new Option("--no-human").hideHelp())
    .option("--no-trunc", "nothing shortened")
    .option("-q, --quiet", "ids only")
    .argument("<image>")
    .action(async (image: string, options: HistoryOptions) => {
      const client = await cli.connect();
      const [entries, [{ Id: id }]] = await Promise.all([
        client.request("images.history", { image }),
        client.request("images.inspect", { image }).then((inspected) => [inspected] as const),
      ]);
      const now = Date.now();
      const human = options.human !== false;
      const items = entries.map((entry, index) => ({
        ...fieldsOf(entry, { truncate: options.trunc, human, now }),
        // Only the newest step is an image; those before it are known by their layers alone.
        ID: index === 0 ? (options.trunc ? shortID(String(id)) : String(id)) : "<missing>",
      }));
      const columns = listing.columns.map((name) => (name === "CreatedSince" && !human ? "CreatedAt" : name));
      cli.print(await renderListing(items, { ...listing, columns }, options));
    });
}

type FieldOptions = { readonly truncate: boolean; readonly human: boolean; readonly now: number };

function fieldsOf(entry: HistoryEntry, { truncate, human, now }: FieldOptions): Fields {
  const createdBy = entry.createdBy.replaceAll("\t", " ");
  const short = truncate && createdBy.length > createdByWidth;
  return {
    Comment: entry.comment,
    CreatedAt: goTime(entry.createdAt),
    CreatedBy: short ? `${createdBy.slice(0, createdByWidth - 1)}…` : createdBy,
    CreatedSince: formatAge(entry.createdAt, now),
    Size: human ? formatBytes(entry.size) : String(entry.size),
  };
}

/** RFC 3339 without fractions of a second. */
function goTime(time: string): string {
  return time.replace(/\.\d+/, "");
}
