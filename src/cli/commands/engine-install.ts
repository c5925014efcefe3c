import { existsSync } from "node:fs";
import type { Command } from "commander";
import { findEngine } from "../../client/open-engine.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { stopEngine } from "../stop-engine.ts";
import { describeUnit, systemctl, writeUnit } from "../systemd.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine install", "[options]", "have systemd start the engine at boot")
    .option("--print", "print the unit instead, for a look or another directory")
    .action(async ({ print }: { print?: true }) => {
      const { name, text } = describeUnit(cli);
      if (print) return cli.print(text.trimEnd());
      writeUnit(cli);
      if (!existsSync("/run/systemd/system")) {
        cli.print(`systemd does not run here; where it does: systemctl enable --now ${name}`);
        return;
      }
      systemctl(cli, "daemon-reload");
      systemctl(cli, "enable", name);
      // One that a command has started is of a login session; the next one is systemd's, and finds the containers where they are.
      const client = await findEngine(cli.paths, "gantry-cli");
      if (client !== null) {
        await stopEngine(cli, client);
        cli.print("stopped the engine that ran; containers go on");
      }
      systemctl(cli, "start", name);
      cli.print("the engine runs, and will after each boot; containers come up again by their restart policies");
    });
}
