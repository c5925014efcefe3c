import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "network disconnect", "[options] NETWORK CONTAINER", "take a container from a network")
    .option("-f, --force", "also where the container is gone or broken")
    .argument("<network>")
    .argument("<container>")
    .action(async (network: string, container: string, { force = false }: { force?: boolean }) => {
      const client = await cli.connect();
      await client.request("networks.disconnect", { network, container, force });
    });
}
