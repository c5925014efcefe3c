import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { uninstallUnit } from "../uninstall-unit.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine uninstall", "", "have systemd no longer start the engine; containers go on").action(
    () => {
      if (!uninstallUnit(cli)) return cli.print("not installed: there is no unit of this engine");
      cli.print("containers go on; the next command starts an engine of its own");
    },
  );
}
