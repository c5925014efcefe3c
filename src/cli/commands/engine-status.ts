import type { Command } from "commander";
import { findEngine } from "../../client/open-engine.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

/** Exit code 0 where it runs, 3 where not, as service managers have it. */
export function command(cli: Cli): Command {
  return newCommand(cli, "engine status", "", "tell whether the engine runs").action(async () => {
    using client = await findEngine(cli.paths, "gantry-cli");
    if (client === null) {
      cli.print(`engine is not running (socket ${cli.paths.socket})`);
      cli.exitCode = 3;
      return;
    }
    const info = await client.request("system.info", {});
    const { running, paused, stopped } = info.containers;
    cli.print(`engine ${info.engineVersion} runs: pid ${info.pid}, since ${info.startedAt}`);
    cli.print(`root ${info.root}, socket ${cli.paths.socket}`);
    cli.print(`containers: ${running} running, ${paused} paused, ${stopped} stopped; images: ${info.images}`);
  });
}
