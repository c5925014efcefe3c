import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Progress } from "../../engine/protocol/rpc.ts";
import type { Operation } from "../../engine/protocol/state.ts";
import { importImage } from "../../src/client/upload.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { tarOf } from "../support/tar-of.ts";
import { tempRoot } from "../support/temp-root.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const ingests = () => readdirSync(join(engine.config.root, "blobs", "ingest"));
const names = async () => (await engine.client.request("images.list", {})).flatMap(({ references }) => references);

function beginImport(reference: string, onProgress?: (progress: Progress) => void) {
  const streamID = randomUUID();
  const params = { streamID, reference, changes: ['CMD ["true"]'], message: "" };
  const result = engine.client.request("images.import", params, { onProgress });
  result.catch(() => {});
  const opened = engine.client.openStream(streamID).then((stream) => {
    stream.onOutput(() => undefined);
    return stream;
  });
  return { result, opened };
}

it("takes an image in by a stream, and tells how far it is", async () => {
  const tar = gzipSync(tarOf({ "bin/true": "x".repeat(100_000), "etc/motd": "hello\n" }).bytes);
  const phases = new Set<string>();
  const { result, opened } = beginImport("mine:1", (progress) => phases.add(progress.phase));
  const stream = await opened;
  await stream.write(tar);
  stream.end();
  expect((await result).id).toMatch(/^sha256:/);
  await stream.ended;
  expect(await names()).toContain("mine:1");
  expect(phases.size).toBeGreaterThan(0);
});

it("leaves nothing of an upload whose client goes in the middle", async () => {
  const operations: Operation[][] = [];
  const subscription = await engine.client.subscribe("state", { resume: null }, (item) => {
    if (item.operations !== null) operations.push(item.operations);
  });
  const { result, opened } = beginImport("torn:1");
  const stream = await opened;
  await stream.write(tarOf({ "a/file": "x".repeat(1 << 20) }).bytes.subarray(0, 700_000));
  await eventually(() => operations.some((list) => list.length > 0));
  stream.close();
  await expect(result).rejects.toMatchObject({ code: "cancelled" });
  await eventually(() => ingests().length === 0 && operations.at(-1)?.length === 0);
  expect(await names()).not.toContain("torn:1");
  subscription.close();
});

it("says what is wrong with an archive on the request and on the stream", async () => {
  const { result, opened } = beginImport("bad:1");
  const stream = await opened;
  await stream.write(Buffer.from("this is no tar at all, but long enough to be looked at".repeat(50)));
  stream.end();
  await expect(result).rejects.toMatchObject({ code: "corrupt" });
  await expect(stream.ended).rejects.toThrow();
  expect(ingests()).toEqual([]);
  expect(await names()).not.toContain("bad:1");
});

/** A file that is offered to the engine, and what would be sent in its place. */
function offer(path: string, sent: Buffer, changes: { readonly inode?: string; readonly pid?: number } = {}) {
  const fd = openSync(path, "r");
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const pulled: Buffer[] = [];
  const chunks = (async function* () {
    pulled.push(sent);
    yield sent;
  })();
  const openFile = { pid: process.pid, fd, device: String(dev), inode: String(ino), ...changes };
  return { archive: Object.assign(chunks, { openFile }), pulled, close: () => closeSync(fd) };
}

it("reads a file that its client has open instead of having it sent", async () => {
  await using directory = await tempRoot();
  const path = directory.join("rootfs.tar");
  const tar = tarOf({ "bin/true": "x".repeat(3_000_000), "etc/motd": "read\n" }).bytes;
  writeFileSync(path, tar);
  const { archive, pulled, close } = offer(path, Buffer.from("not this"));
  const read = await importImage(engine.client, archive, { reference: "read:1", changes: [], message: "" });
  close();
  expect(pulled).toEqual([]);
  const sent = await importImage(
    engine.client,
    (async function* () {
      yield tar;
    })(),
    { reference: "sent:1", changes: [], message: "" },
  );
  const layersOf = async (image: string) => {
    const { RootFS } = await engine.client.request("images.inspect", { image });
    return RootFS;
  };
  expect(await layersOf(read.id)).toEqual(await layersOf(sent.id));
});

it.each([
  ["another file by this number", { inode: "1" }],
  ["no such process", { pid: 2 ** 22 + 1 }],
])("has a file sent where there is %s", async (_, changes) => {
  await using directory = await tempRoot();
  const path = directory.join("rootfs.tar");
  writeFileSync(path, "this is not what counts");
  const { archive, pulled, close } = offer(path, tarOf({ "etc/motd": "sent\n" }).bytes, changes);
  await importImage(engine.client, archive, { reference: "refused:1", changes: [], message: "" });
  close();
  expect(pulled).toHaveLength(1);
  expect(await names()).toContain("refused:1");
});
