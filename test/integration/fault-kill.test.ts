import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { storm } from "../support/fault-storm.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { tarOf } from "../support/images-tar.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

it("keeps its word through power cuts, whatever clients are doing", async () => {
  const archive = await tarOf(await dockerArchive([[["big", randomBytes(4 << 20)]], [["etc/motd", "hi"]]], "storm:1"));
  expect(await storm(engine, { kills: 14, seed: 20_261_122, archive })).toEqual([]);
}, 120_000);
