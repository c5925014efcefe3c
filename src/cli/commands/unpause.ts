import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "unpause", "CONTAINER...", "let frozen containers go on")
    .argument("<container...>")
    .action((names: string[]) =>
      forEachName(cli, names, async (client, container) => {
        await client.request("containers.unpause", { container });
        return container;
      }),
    );
}
