import type { Command } from "commander";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { UsageError } from "../parse/usage-error.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "rm", "[options] CONTAINER...", "remove containers")
    .option("-f, --force", "kill a running one first")
    .option("-v, --volumes", "its anonymous volumes too")
    .option("-l, --link", "not supported: there are no links")
    .argument("<container...>")
    .action((names: string[], options: { force?: true; link?: true; volumes?: true }) => {
      if (options.link) throw new UsageError("--link is not supported: containers have no links to each other", 1);
      const { force = false, volumes = false } = options;
      const remove = async (client: EngineClient, container: string) => {
        await client.request("containers.remove", { container, force, volumes });
        return container;
      };
      return forEachName(cli, names, remove, force);
    });
}
