import { type Command, Option } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { copyFromContainer } from "../copy/copy-from-container.ts";
import { copyToContainer } from "../copy/copy-to-container.ts";

type CpFlags = { archive?: true; followLink?: true; quiet?: boolean };

export function command(cli: Cli): Command {
  return newCommand(
    cli,
    "cp",
    "[options] CONTAINER:SRC|SRC|- CONTAINER:DEST|DEST|-",
    "copy files out of and into containers",
  )
    .option("-a, --archive", "into a container: all belongs to its user")
    .option("-L, --follow-link", "follow a symbolic link in the last place of SRC")
    .option("-q, --quiet", "no word about what was copied (default where stdout is no terminal)")
    .addOption(new Option("--no-quiet").hideHelp())
    .argument("<source>")
    .argument("<destination>")
    .action(async (source: string, destination: string, flags: CpFlags) => {
      if (source === "") throw invalid("source can not be empty");
      if (destination === "") throw invalid("destination can not be empty");
      const [from, to] = [splitArgument(source), splitArgument(destination)];
      if (from.container !== "" && to.container !== "") throw invalid("copying between containers is not supported");
      const options = {
        archive: flags.archive === true,
        followLink: flags.followLink === true,
        quiet: flags.quiet ?? !process.stdout.isTTY,
      };
      if (from.container !== "") return copyFromContainer(cli, from, { ...options, destination: to.path });
      if (to.container !== "") return copyToContainer(cli, from.path, { ...options, ...to });
      throw invalid("must specify at least one container source");
    });
}

/** `CONTAINER:PATH`; what begins with `/` or `.` is a path of this host, whatever it holds. */
function splitArgument(argument: string): { readonly container: string; readonly path: string } {
  const colon = argument.indexOf(":");
  const container = argument.slice(0, Math.max(0, colon));
  const isLocal = argument.startsWith("/") || colon === -1 || container.startsWith(".");
  return isLocal ? { container: "", path: argument } : { container, path: argument.slice(colon + 1) };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
