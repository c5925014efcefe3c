import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathsOf } from "../../engine/containers/container-paths.ts";
import { readLog, type TestEngine } from "./engine.ts";

/** Names and sizes of the files of a container's log. */
export function logFilesOf(engine: Pick<TestEngine, "config">, id: string): Map<string, number> {
  const { directory } = pathsOf(engine.config, id);
  const files = new Map<string, number>();
  for (const name of readdirSync(directory)) {
    if (!name.startsWith("container.log")) continue;
    try {
      files.set(name, statSync(join(directory, name)).size);
    } catch {
      // Renamed or dropped since.
    }
  }
  return files;
}

export function totalOf(files: ReadonlyMap<string, number>): number {
  return [...files.values()].reduce((sum, size) => sum + size, 0);
}

/** The conmon of a container. */
export function conmonOf(engine: TestEngine, id: string): number {
  return Number(readFileSync(join(engine.config.run, "supervisors", id, "conmon.pid"), "utf8"));
}

/** Fails unless the log is exactly the numbers from 1 on, up to `last`. */
export async function expectNumbers(engine: TestEngine, id: string, last: number): Promise<void> {
  const lines = (await readLog(engine, id)).split("\n");
  lines.pop();
  const wrong = lines.findIndex((line, index) => line !== String(index + 1));
  if (wrong !== -1) throw new Error(`line ${wrong + 1} is ${lines.slice(wrong - 1, wrong + 2).join(", ")}`);
  if (lines.length !== last) throw new Error(`${lines.length} lines instead of ${last}`);
}
