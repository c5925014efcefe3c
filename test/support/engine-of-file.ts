import { afterAll, beforeAll } from "vitest";
import { EngineUnderTest, type TestEngine } from "./engine.ts";

/** An engine for all tests of the file that calls this at its top. */
export function engineOfFile() {
  const engine: TestEngine = startedForFile();
  const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
  const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
  return { engine, request, remove };
}

/** Tests may use it; it is made before the first of them, and gone after the last. */
export function startedForFile(): TestEngine {
  const engine = new EngineUnderTest();
  let isBegun = false;
  beforeAll(async () => {
    await engine.begin();
    isBegun = true;
  }, 60_000);
  afterAll(() => (isBegun ? engine[Symbol.asyncDispose]() : undefined), 60_000);
  return engine;
}
