import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "pause", "CONTAINER...", "freeze containers")
    .argument("<container...>")
    .action((names: string[]) =>
      forEachName(cli, names, async (client, container) => {
        await client.request("containers.pause", { container });
        return container;
      }),
    );
}
