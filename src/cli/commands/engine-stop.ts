import type { Command } from "commander";
import { findEngine } from "../../client/open-engine.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { stopEngine } from "../stop-engine.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine stop", "", "stop the engine; containers go on").action(async () => {
    const client = await findEngine(cli.paths, "gantry-cli");
    if (client === null) return cli.print("engine is not running");
    await stopEngine(cli, client);
    cli.print("engine stopped; containers go on running");
  });
}
