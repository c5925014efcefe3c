import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "rename", "CONTAINER NEW_NAME", "rename a container")
    .argument("<container>")
    .argument("<name>")
    .action(async (container: string, name: string) => {
      const client = await cli.connect();
      await client.request("containers.rename", { container, name });
    });
}
