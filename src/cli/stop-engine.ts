import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../engine/errors.ts";
import type { EngineClient } from "../client/connection.ts";
import type { Cli } from "./cli.ts";

const deadline = 30_000;

/** Asks the engine to end and waits until it has. */
export async function stopEngine(cli: Cli, client: EngineClient): Promise<void> {
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
