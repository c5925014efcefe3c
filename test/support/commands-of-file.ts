import { afterEach } from "vitest";
import { starterImage } from "./engine.ts";
import { startedForFile } from "./engine-of-file.ts";
import { gantryFor } from "./gantry-command.ts";

/**
 * `bin/gantry` with an engine for all tests of the file that calls this at its top. Containers go after each test, then `cleanUp` runs,
 * commands of gantry.
 */
export function commandsOfFile(cleanUp: readonly (readonly string[])[] = []) {
  const engine = startedForFile();
  const gantry = gantryFor(engine.config);
  const out = async (...args: string[]) => (await gantry(args)).stdout;
  const inspect = async (format: string, name: string) => (await out("inspect", "-f", format, name)).trimEnd();
  const runSleeper = (name: string, ...flags: string[]) =>
    gantry(["run", "-d", "--name", name, "--init", ...flags, starterImage, "sleep", "100"]);
  afterEach(async () => {
    const containers = (await out("ps", "-aq")).trim();
    if (containers !== "") await gantry(["rm", "-f", ...containers.split("\n")]);
    for (const command of cleanUp) await gantry(command);
  });
  return { engine, gantry, out, inspect, runSleeper };
}
