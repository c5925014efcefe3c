import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { buildStorm } from "../support/fault-build-storm.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const { GANTRY_TEST_STORM: said, GANTRY_TEST_SEED: seed = "20261122", GANTRY_TEST_KILLS: rounds } = process.env;
const report = said === undefined ? {} : { report: (line: string) => console.log(line) };

it("leaves nothing when the engine is killed at any moment, and builds the same afterwards", async () => {
  const cut = async (): Promise<void> => {
    await engine.stop("SIGKILL");
    await engine.start();
  };
  expect(await buildStorm(engine, { rounds: Number(rounds ?? 6), seed: Number(seed), cut, ...report })).toEqual([]);
}, 120_000);
