import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "wait", "CONTAINER...", "wait until containers stop, print exit codes")
    .argument("<container...>")
    .action((names: string[]) =>
      forEachName(cli, names, async (client, container) => {
        const { exitCode } = await client.request("containers.wait", { container, condition: "stopped" });
        return String(exitCode);
      }),
    );
}
