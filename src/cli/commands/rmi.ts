import type { Command } from "commander";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "rmi", "[options] IMAGE...", "remove images")
    .option("-f, --force", "also where stopped containers use them")
    .option("--no-prune", "accepted; a layer that no image holds goes")
    .argument("<image...>")
    .action((names: string[], { force = false }: { force?: boolean }) => {
      const remove = async (client: EngineClient, image: string) => {
        const { untagged, deleted } = await client.request("images.remove", { image, force });
        return [...untagged.map((name) => `Untagged: ${name}`), ...deleted.map((id) => `Deleted: ${id}`)].join("\n");
      };
      return forEachName(cli, names, remove, force);
    });
}
