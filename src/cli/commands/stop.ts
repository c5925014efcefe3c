import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { parseInteger } from "../parse/sizes.ts";

type StopOptions = { timeout?: string; time?: string; signal?: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "stop", "[options] CONTAINER...", "stop containers")
    .option("-t, --timeout <seconds>", "wait before they are killed; -1: for ever")
    .option("--time <seconds>", "the same as --timeout")
    .option("-s, --signal <signal>", "instead of the container's stop signal")
    .argument("<container...>")
    .action((names: string[], options: StopOptions) => {
      const text = options.timeout ?? options.time;
      const timeout = text === undefined ? null : parseInteger("--timeout", text, { minimum: -1 });
      const signal = options.signal === undefined ? {} : { signal: options.signal };
      return forEachName(cli, names, async (client, container) => {
        const { hint } = await client.request("containers.stop", { container, timeout, ...signal });
        if (hint !== undefined) cli.say(`hint: ${hint}`);
        return container;
      });
    });
}
