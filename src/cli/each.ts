import { EngineError } from "../../engine/errors.ts";
import type { EngineClient } from "../client/connection.ts";
import type { Cli } from "./cli.ts";
import { describeFailure } from "./failure.ts";

/**
 * Does the same to several containers or images, all at once, and prints what each gives (null: nothing) in the order they were named. One that
 * fails is told and does not keep the others from it; then the exit code is 1, but not where it was `forced` and what should be
 * gone was gone already.
 */
export async function forEachName(
  cli: Cli,
  names: readonly string[],
  act: (client: EngineClient, name: string) => Promise<string | null>,
  forced = false,
): Promise<void> {
  const client = await cli.connect();
  const outcomes = names.map((name) => act(client, name));
  // All are under way; a failure waits for its turn to be told.
  for (const outcome of outcomes) outcome.catch(() => undefined);
  for (const outcome of outcomes) {
    try {
      const line = await outcome;
      if (line !== null) cli.print(line);
    } catch (error) {
      for (const line of (await describeFailure(error, "", 1)).lines) cli.say(line);
      if (!(forced && error instanceof EngineError && error.code === "not-found")) cli.exitCode = 1;
    }
  }
}
