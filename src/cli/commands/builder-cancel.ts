import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "builder cancel", "BUILD...", "end builds that run")
    .argument("<build...>")
    .action((builds: string[]) =>
      forEachName(cli, builds, async (client, build) => {
        await client.request("builds.cancel", { build });
        return build;
      }),
    );
}
