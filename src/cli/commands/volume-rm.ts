import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "volume rm", "[options] VOLUME...", "remove volumes and what is in them")
    .option("-f, --force", "no failure where there is none")
    .argument("<volume...>")
    .action((names: string[], { force = false }: { force?: boolean }) =>
      forEachName(cli, names, async (client, volume) => {
        await client.request("volumes.remove", { volume, force });
        return volume;
      }),
    );
}
