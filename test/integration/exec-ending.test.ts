/** Commands run in a container that ends at that moment. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { EngineError } from "../../engine/errors.ts";
import { runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

it("is refused because that has ended, never for a failure of the engine", async () => {
  const nothing = { terminal: false, openStdin: false, environment: [], privileged: false };
  const refusals: string[] = [];
  const runUntilItEnds = async (container: string) => {
    for (;;) {
      try {
        await engine.client.request("containers.exec", { container, command: ["true"], ...nothing });
      } catch (error) {
        refusals.push(error instanceof EngineError ? `${error.code}: ${error.message}` : String(error));
        return;
      }
    }
  };
  for (let round = 0; round < 8; round += 1) {
    // Many processes: the kernel takes a while to end them all.
    const command = ["sh", "-c", `for i in 1 2 3 4 5 6 7 8; do sleep 9 & done; sleep 0.${3 + round}`];
    const container = await runContainer(engine, { command });
    await Promise.all([1, 2, 3].map(() => runUntilItEnds(container)));
  }
  expect(refusals).toHaveLength(24);
  expect(refusals.filter((text) => !text.startsWith("failed-precondition"))).toEqual([]);
}, 60_000);
