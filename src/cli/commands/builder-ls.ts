import type { Command } from "commander";
import type { BuildSummary } from "../../../engine/protocol/builds.ts";
import { formatAge } from "../../../engine/protocol/duration-text.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { type Fields, type ListingSpec, renderListing } from "../listing.ts";

type Flags = { format?: string; quiet?: true; trunc?: boolean };

const listing: ListingSpec = {
  headers: {
    ID: "BUILD ID",
    Name: "NAME",
    Status: "STATUS",
    Steps: "STEPS",
    Cached: "CACHED",
    CreatedSince: "CREATED",
    Duration: "DURATION",
    ImageID: "IMAGE ID",
    Error: "ERROR",
  },
  columns: ["ID", "Name", "Status", "Steps", "Cached", "CreatedSince", "Duration"],
  quietField: "ID",
};

export function command(cli: Cli): Command {
  return newCommand(cli, "builder ls", "[options]", "list builds that run, and the last of the past")
    .option("--format <format>", "table, json, or a template such as '{{.ID}}'")
    .option("--no-trunc", "whole ids")
    .option("-q, --quiet", "ids only")
    .action(async ({ format, quiet, trunc }: Flags) => {
      const client = await cli.connect();
      const now = Date.now();
      const builds = await client.request("builds.list", {});
      const rows = builds.map((build) => fieldsOf(build, { now, isWhole: trunc === false }));
      const text = await renderListing(rows, listing, { format, quiet });
      if (text !== "") cli.print(text);
    });
}

type Options = { readonly now: number; readonly isWhole: boolean };

function fieldsOf(build: BuildSummary, { now, isWhole }: Options): Fields {
  const { id, name, status, steps, finishedSteps, cachedSteps, startedAt, endedAt, imageID, error } = build;
  const seconds = ((endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000;
  return {
    Cached: String(cachedSteps),
    CreatedAt: startedAt,
    CreatedSince: formatAge(startedAt, now),
    Duration: `${Math.max(0, seconds).toFixed(1)}s`,
    Error: error,
    ID: isWhole ? id : id.slice(0, 12),
    ImageID: imageID ?? "",
    Name: name,
    Status: status,
    Steps: `${finishedSteps}/${steps}`,
  };
}
