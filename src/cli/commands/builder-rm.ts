import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { UsageError } from "../parse/usage-error.ts";

type Flags = { all?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "builder rm", "[options] BUILD...", "forget builds of the past; images and cache stay")
    .option("-a, --all", "all of the past")
    .argument("[build...]")
    .action(async (builds: string[], { all }: Flags) => {
      if (all === true && builds.length > 0) throw new UsageError("--all goes with no build's name", 1);
      if (all === true) {
        const client = await cli.connect();
        await client.request("builds.remove", { builds: [] });
        return;
      }
      if (builds.length === 0) throw new UsageError("missing required argument 'build', or --all", 1);
      await forEachName(cli, builds, async (client, build) => {
        await client.request("builds.remove", { builds: [build] });
        return build;
      });
    });
}
