import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import type { Command } from "commander";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import { becomeRoot, isRoot } from "../../client/become-root.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { parseInteger } from "../parse/sizes.ts";

type LogsOptions = { follow?: true; tail: string };

export function command(cli: Cli): Command {
  return newCommand(cli, "engine logs", "[options]", "show the engine's own log")
    .option("-f, --follow", "go on with what comes")
    .option("-n, --tail <lines>", "lines from the end", "100")
    .action(async ({ follow, tail }: LogsOptions) => {
      const lines = parseInteger("--tail", tail, { minimum: 0 });
      checkReadable(cli);
      // -F keeps up with a log that is rotated.
      const args = ["-n", String(lines), ...(follow ? ["-F"] : []), "--", cli.paths.logFile];
      const [code] = await once(spawn("tail", args, { stdio: "inherit" }), "exit");
      cli.exitCode = code ?? 1;
    });
}

function checkReadable(cli: Cli): void {
  try {
    accessSync(cli.paths.logFile, constants.R_OK);
  } catch (cause) {
    const errno = cause instanceof Error && "code" in cause ? cause.code : "";
    if (errno === "EACCES" && !isRoot()) becomeRoot(cli.paths);
    throw new EngineError("not-found", `read the engine's log: ${messageOf(cause)}`, { cause });
  }
}
