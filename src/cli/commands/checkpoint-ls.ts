import type { Command } from "commander";
import { formatBytes } from "../../format/bytes.ts";
import { refuseCheckpointDirectory } from "../checkpoint-flags.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { formatDockerTime } from "../docker-time.ts";
import { type ListingSpec, renderListing } from "../listing.ts";

type ListOptions = { checkpointDir?: string; format?: string; quiet?: true };

const listing: ListingSpec = {
  headers: { Name: "CHECKPOINT NAME", CreatedAt: "CREATED AT", Size: "SIZE" },
  columns: ["Name", "CreatedAt", "Size"],
  quietField: "Name",
};

export function command(cli: Cli): Command {
  return newCommand(cli, "checkpoint ls", "[options] CONTAINER", "list a container's checkpoints")
    .option("--checkpoint-dir <directory>", "not supported")
    .option("--format <format>", "table, json, or a template such as '{{.Name}}'")
    .option("-q, --quiet", "names only")
    .argument("<container>")
    .action(async (container: string, options: ListOptions) => {
      refuseCheckpointDirectory(options);
      const client = await cli.connect();
      const checkpoints = await client.request("checkpoints.list", { container });
      const items = checkpoints.map(({ name, createdAt, size }) => ({
        CreatedAt: formatDockerTime(createdAt),
        Name: name,
        Size: formatBytes(size),
      }));
      const text = await renderListing(items, listing, options);
      if (text !== "") cli.print(text);
    });
}
