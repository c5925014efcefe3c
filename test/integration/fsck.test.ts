import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hexOf, sha256 } from "../../engine/oci/digest.ts";
import type { FsckFinding } from "../../engine/protocol/upkeep.ts";
import { dockerArchive, type LayerItems } from "../support/images-archives.ts";
import { type ImagesEngine, leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const layers: readonly LayerItems[] = [
  [
    ["etc/", { type: "directory", mode: 0o755 }],
    ["etc/motd", "hello\n"],
    ["big", randomBytes(1_500_000)],
    ["link", { type: "symlink", linkname: "etc/motd" }],
    ["hard", { type: "link", linkname: "big" }],
    ["old", "goes"],
  ],
  [
    [".wh.old", ""],
    ["etc/.wh..wh..opq", ""],
    ["etc/issue", "new\n"],
    ["twice", "first"],
    ["twice", "second!"],
  ],
];

let registry: TestRegistry;
let put: Awaited<ReturnType<typeof putLayers>>;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  put = await putLayers(registry, "web", layers, { compression: "gzip" });
  reference = `${registry.address}/web:latest`;
});
afterAll(() => registry[Symbol.asyncDispose]());

const pull = (engine: ImagesEngine) => engine.images.pull(pullOf(reference), quietWork);
const fsck = async (engine: ImagesEngine, repair = false): Promise<FsckFinding[]> =>
  (await engine.images.fsck(repair, quietWork)).findings;
const blobPath = (engine: ImagesEngine, index: number): string =>
  engine.blobs.pathOf(sha256(put.blobs[index]?.bytes ?? Buffer.of()));
const layerPath = (engine: ImagesEngine, index: number): string =>
  engine.layers.pathOf(engine.images.resolve(reference).chain.slice(0, index + 1));

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

it("finds nothing wrong in a store that is whole", async () => {
  await using engine = await openImagesEngine();
  await pull(engine);
  const archive = await tarOf(await dockerArchive([[["a", "a"]], [["b", randomBytes(100_000)]]], "example/loaded:1"));
  await engine.images.load(chunksOf(archive), quietWork);
  const report = await engine.images.fsck(false, quietWork);
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ images: 2, layers: 4 });
  expect(report.bytes).toBeGreaterThan(1_600_000);
});
