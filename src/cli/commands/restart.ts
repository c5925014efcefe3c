import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { parseInteger } from "../parse/sizes.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "restart", "[options] CONTAINER...", "restart containers")
    .option("-t, --timeout <seconds>", "wait before they are killed; -1: for ever")
    .option("--time <seconds>", "the same as --timeout")
    .argument("<container...>")
    .action((names: string[], options: { timeout?: string; time?: string }) => {
      const text = options.timeout ?? options.time;
      const timeout = text === undefined ? null : parseInteger("--timeout", text, { minimum: -1 });
      return forEachName(cli, names, async (client, container) => {
        await client.request("containers.restart", { container, timeout });
        return container;
      });
    });
}
