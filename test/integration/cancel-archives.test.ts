import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Operation } from "../../engine/protocol/state.ts";
import { newStreamID } from "../../src/client/stream-id.ts";
import { importImage } from "../../src/client/upload.ts";
import { createContainer, eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";
import { receive } from "../support/tar-listing.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
  // More than the sockets between hold.
  const tar = await tarOf([["large", randomBytes(12_000_000)]]);
  await importImage(engine.client, chunksOf(tar), { reference: "large", changes: [], message: "" });
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

/** Asks for bytes that nobody takes, cancels the work as another client would, and gives what was shown of it. */
async function cancelled(ask: (streamID: string) => Promise<unknown>): Promise<Operation | undefined> {
  let operations: readonly Operation[] = [];
  const watching = await engine.client.subscribe("state", { resume: null }, (item) => {
    operations = item.operations ?? operations;
  });
  const streamID = newStreamID();
  const stream = await engine.client.openStream(streamID);
  try {
    const refused = expect(ask(streamID)).rejects.toMatchObject({ code: "cancelled" });
    await eventually(() => operations.some(({ progress }) => (progress?.current ?? 0) > 0));
    const [shown] = operations;
    await engine.client.request("operations.cancel", { id: shown?.id ?? "" });
    await refused;
    await eventually(() => operations.length === 0);
    return shown;
  } finally {
    stream.close();
    watching.close();
  }
}

it("ends an export that nobody reads, and exports all the next time", async () => {
  const id = await createContainer(engine, { image: "large", command: ["/large"] });
  const ask = (streamID: string) => engine.client.request("containers.export", { container: id, streamID });
  expect(await cancelled(ask)).toMatchObject({
    kind: "export",
    title: `export ${id}`,
    isCancellable: true,
    progress: { phase: "exporting", unit: "bytes", total: null },
  });
  expect((await receive(engine, ask)).length).toBeGreaterThan(12_000_000);
});

it("ends a save that nobody reads, and saves all the next time", async () => {
  const ask = (streamID: string) =>
    engine.client.request("images.save", { images: ["large"], streamID, format: "oci-archive" });
  expect(await cancelled(ask)).toMatchObject({ kind: "save", title: "save large", isCancellable: true });
  expect((await receive(engine, ask)).length).toBeGreaterThan(12_000_000);
});
