import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { commandFor } from "./inspect.ts";

export function command(cli: Cli): Command {
  return commandFor(cli, "volume");
}
