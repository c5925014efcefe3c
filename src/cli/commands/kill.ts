import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "kill", "[options] CONTAINER...", "send a signal to containers")
    .option("-s, --signal <signal>", "name or number", "KILL")
    .argument("<container...>")
    .action((names: string[], { signal }: { signal: string }) =>
      forEachName(cli, names, async (client, container) => {
        await client.request("containers.kill", { container, signal });
        return container;
      }),
    );
}
