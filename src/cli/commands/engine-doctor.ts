import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { becomeEngine } from "../engine-program.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "engine doctor", "", "check what the engine needs of this host").action(() =>
    becomeEngine(cli, "doctor", []),
  );
}
