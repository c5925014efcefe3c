import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "rm", "[options] CONTAINER...", "remove containers")
    .option("-f, --force", "kill a running one first")
    .option("-v, --volumes", "its anonymous volumes too")
    .argument("<container...>")
    .action((names: string[], options: { force?: true; volumes?: true }) => {
      const { force = false, volumes = false } = options;
      return forEachName(cli, names, async (client, container) => {
        await client.request("containers.remove", { container, force, volumes }).catch((error) => {
          // What is to be gone by force may be gone already.
          if (!force || error.code !== "not-found") throw error;
        });
        return container;
      });
    });
}
