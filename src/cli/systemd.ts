import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError, messageOf } from "../../engine/errors.ts";
import { becomeRoot, isRoot } from "../client/become-root.ts";
import { engineCommand } from "../client/start-engine.ts";
import { unitDirectory, unitName, unitText } from "../client/systemd-unit.ts";
import type { Cli } from "./cli.ts";

/** The unit of the engine whose directories these are, as it would be written now. serveFlags: what the engine is told beside them. */
export function describeUnit(
  cli: Cli,
  serveFlags: readonly string[] = [],
): { readonly name: string; readonly path: string; readonly text: string } {
  const name = unitName(cli.paths);
  return { name, path: join(unitDirectory, name), text: unitText(engineCommand(cli.paths, serveFlags)) };
}

/** Writes it, and says so. False: it was there as it is. */
export function writeUnit(cli: Cli, serveFlags: readonly string[] = []): boolean {
  const { path, text } = describeUnit(cli, serveFlags);
  if (!isRoot()) becomeRoot(cli.paths);
  if (readIfThere(path) === text) {
    cli.print(`${path} is as it should be`);
    return false;
  }
  try {
    mkdirSync(unitDirectory, { recursive: true });
    writeFileSync(`${path}.new`, text, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new EngineError("permission-denied", `write ${path}: ${messageOf(cause)}`, { cause });
  }
  cli.print(`wrote ${path}`);
  return true;
}

/** Removes it, and says so. False: there was none. */
export function removeUnit(cli: Cli): boolean {
  const { path } = describeUnit(cli);
  if (readIfThere(path) === null) return false;
  rmSync(path);
  cli.print(`removed ${path}`);
  return true;
}

/** Runs systemctl and says what was run. Fails with what it says. */
export function systemctl(cli: Cli, ...args: string[]): void {
  const words = `systemctl ${args.join(" ")}`;
  const { status, error, stderr } = spawnSync("systemctl", args, { encoding: "utf8", timeout: 90_000 });
  if (status !== 0) {
    const reason = error === undefined ? stderr.trim().split("\n").at(-1) || `exit code ${status}` : messageOf(error);
    throw new EngineError("failed-precondition", `${words}: ${reason}`, { cause: error });
  }
  cli.print(`ran ${words}`);
}

export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
