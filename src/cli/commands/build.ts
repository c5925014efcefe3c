import type { Command } from "commander";
import { addBuildOptions, type BuildOptions } from "../build/build-flags.ts";
import { build } from "../build/run-build.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return addBuildOptions(newCommand(cli, "build", "[options] PATH|URL|-", "build an image from a Dockerfile")).action(
    (where: string, options: BuildOptions) => build(cli, where, options),
  );
}
