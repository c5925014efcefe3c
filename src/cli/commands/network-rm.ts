import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "network rm", "[options] NETWORK...", "remove networks")
    .option("-f, --force", "no failure where there is none")
    .argument("<network...>")
    .action((names: string[], { force = false }: { force?: boolean }) =>
      forEachName(cli, names, async (client, network) => {
        try {
          await client.request("networks.remove", { network });
          return network;
        } catch (error) {
          if (force && error instanceof EngineError && error.code === "not-found") return null;
          throw error;
        }
      }),
    );
}
