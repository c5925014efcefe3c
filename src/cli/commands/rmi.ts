import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "rmi", "[options] IMAGE...", "remove images")
    .option("-f, --force", "also where stopped containers use them")
    .argument("<image...>")
    .action((names: string[], options: { force?: true }) =>
      forEachName(cli, names, async (client, image) => {
        const { untagged, deleted } = await client.request("images.remove", { image, force: options.force ?? false });
        return [...untagged.map((name) => `Untagged: ${name}`), ...deleted.map((id) => `Deleted: ${id}`)].join("\n");
      }),
    );
}
