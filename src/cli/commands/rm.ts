import type { Command } from "commander";
import type { EngineClient } from "../../client/connection.ts";
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
      const remove = async (client: EngineClient, container: string) => {
        await client.request("containers.remove", { container, force, volumes });
        return container;
      };
      return forEachName(cli, names, remove, force);
    });
}
