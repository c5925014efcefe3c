import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { imageStorm } from "../support/fault-image-storm.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let engine: TestEngine;
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  engine = await startTestEngine();
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

it("has a whole store after each of 50 power cuts, and finishes then what was cut off", async () => {
  const { GANTRY_TEST_STORM: said, GANTRY_TEST_SEED: seed = "20261122" } = process.env;
  const report = said === undefined ? undefined : (line: string) => console.log(line);
  expect(
    await imageStorm(engine, registry, {
      kills: Number(process.env.GANTRY_TEST_KILLS ?? 50),
      seed: Number(seed),
      ...(report ? { report } : {}),
    }),
  ).toEqual([]);
}, 240_000);
