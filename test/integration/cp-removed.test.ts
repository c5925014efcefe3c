/** Copies of a container that is removed while they are under way. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EngineError } from "../../engine/errors.ts";
import { copyIn } from "../../src/client/upload.ts";
import { createContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { copyOut } from "../support/tar-listing.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

it("ends as not found, never as a failure of the engine", async () => {
  const tar = execFileSync("tar", ["-C", "/etc", "-c", "hostname"]);
  const codes: string[] = [];
  const codeOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => null,
      (cause) => cause,
    );
    codes.push(error === null ? "done" : error instanceof EngineError ? error.code : String(error));
  };
  for (let round = 0; round < 25; round += 1) {
    const container = await createContainer(engine, { name: `going-${round}` });
    const fields = { container, path: "/", keepOwner: false, noOverwriteDirNonDir: false };
    const bytes = async function* () {
      yield tar;
    };
    const work = [
      copyIn(engine.client, bytes(), fields),
      copyOut(engine, container, "/bin"),
      copyIn(engine.client, bytes(), fields),
    ];
    await new Promise((resolve) => setTimeout(resolve, round % 5));
    await Promise.all([
      ...work.map(codeOf),
      engine.client.request("containers.remove", { container, force: true, volumes: false }),
    ]);
  }
  expect(codes.filter((code) => !["done", "not-found", "failed-precondition"].includes(code))).toEqual([]);
  expect(new Set(codes).size).toBeGreaterThan(1);
});
