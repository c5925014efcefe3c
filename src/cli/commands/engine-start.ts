import type { Command } from "commander";
import { openEngine } from "../../client/open-engine.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine start", "", "start the engine").action(async () => {
    let started = false;
    const onStarting = () => {
      started = true;
    };
    using client = await openEngine(cli.paths, { clientName: "gantry-cli", onStarting });
    const what = started ? "engine started" : "engine runs already";
    cli.print(`${what}: pid ${client.engine.pid}, socket ${cli.paths.socket}`);
  });
}
