import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import { findEngine } from "../../client/open-engine.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

const deadline = 30_000;

export function command(cli: Cli): Command {
  return newCommand(cli, "engine stop", "", "stop the engine; containers go on").action(async () => {
    const client = await findEngine(cli.paths, "gantry-cli");
    if (client === null) return cli.print("engine is not running");
    const { pid } = client.engine;
    await client.request("system.shutdown", {});
    const giveUpAt = Date.now() + deadline;
    while (isAlive(pid)) {
      if (Date.now() > giveUpAt) {
        throw new EngineError("internal", `engine (pid ${pid}) has not ended within ${deadline / 1000} s`, {
          hint: `see ${cli.paths.logFile}`,
        });
      }
      await sleep(10);
    }
    cli.print("engine stopped; containers go on running");
  });
}

/** A zombie counts as ended: a parent that reaps nobody, such as a program that is PID 1 by accident, keeps its entry. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    return false;
  }
}
