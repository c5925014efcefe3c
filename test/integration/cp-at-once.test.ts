/** Several copies of the same files into one container at the same time. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyIn } from "../../src/client/upload.ts";
import { runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { copyOut, listingOf } from "../support/tar-listing.ts";
import { tarOf } from "../support/tar-of.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

it("all succeed, and one of them is what is there", async () => {
  const container = await runContainer(engine, { command: ["sleep", "1000"] });
  const tar = tarOf(
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`deep/${index}/file`, "text\n"])),
  ).bytes;
  const bytes = async function* () {
    yield Buffer.from(tar);
  };
  const fields = { container, path: "/", keepOwner: false, noOverwriteDirNonDir: true };
  for (let round = 0; round < 5; round += 1) {
    const copies = Array.from({ length: 8 }, () => copyIn(engine.client, bytes(), fields));
    const results = await Promise.allSettled(copies);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
  }
  const files = (await listingOf(await copyOut(engine, container, "/deep"))).filter((line) => line.includes(" = "));
  expect(files).toHaveLength(40);
  expect(files).toContain("deep/39/file = text");
}, 60_000);
