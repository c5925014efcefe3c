import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { DiffID } from "../../engine/oci/digest.ts";
import { makeLayout, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { identityOf, saved } from "../support/images-save.ts";
import { chunksOf, imagesDirectory } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let directory: Awaited<ReturnType<typeof imagesDirectory>>;
let registry: TestRegistry;
let layout: string;
let archive: string;
let engine: ImagesEngine;

beforeAll(async () => {
  directory = await imagesDirectory();
  registry = await startRegistry();
  layout = makeLayout(directory.path);
  archive = join(directory.path, "base.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${archive}:example/base:1`);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});
beforeEach(async () => {
  engine = await openImagesEngine();
  await engine.loadFile(archive);
});
afterEach(() => engine[Symbol.asyncDispose]());

const signal = new AbortController().signal;
const created = "2026-02-03T04:05:06Z";

/** An image of the base and one step, as a build makes it. */
async function build(references: readonly string[]) {
  const base = engine.images.resolve("example/base:1");
  await engine.layers.prepare("step", base.chain);
  const rootfs = await engine.layers.mount("step", { isVolatile: true });
  mkdirSync(`${rootfs}/app`);
  writeFileSync(`${rootfs}/app/main`, "main\n");
  using layer = await engine.layers.commit("step", { signal });
  const chain = [...base.chain, layer?.diffID as DiffID];
  const history = [...base.chain.map(() => ({ created, created_by: "base" })), { created, created_by: "COPY . /app" }];
  const config = { architecture: "amd64", os: "linux", created, config: { Cmd: ["/app/main"] }, history };
  return { chain, ...(await engine.images.assemble({ config, chain, references })) };
}

it("is an image like others, at once", async () => {
  const events: string[] = [];
  engine.events.onEvent(({ action, attributes }) => void events.push(`${action} ${attributes.name}`));
  const { id, chain } = await build(["app:1", "localhost:5000/app"]);
  expect(events).toEqual(["tag app:1", "tag localhost:5000/app:latest"]);
  expect(engine.images.list().find((image) => image.id === id)).toMatchObject({
    references: ["app:1", "localhost:5000/app:latest"],
    createdAt: created,
    layerCount: chain.length,
    command: ["/app/main"],
  });
  expect(await engine.images.inspect("app:1")).toMatchObject({
    Id: id,
    Created: created,
    RootFS: { Layers: chain },
    Config: { Cmd: ["/app/main"] },
  });
  const history = await engine.images.history("app:1");
  expect(history[0]).toMatchObject({ createdBy: "COPY . /app", diffID: chain.at(-1), size: 5 });
  expect(history).toHaveLength(chain.length);
});

it("leaves by save and comes again elsewhere, whether its base is here or not", async () => {
  const { id } = await build(["app:1"]);
  await engine.images.remove("example/base:1", false);
  const bytes = await saved(engine, ["app:1"]);
  await using other = await openImagesEngine();
  await other.images.load(chunksOf(bytes), quietWork);
  expect(await identityOf(other, "app:1")).toEqual({ ...(await identityOf(engine, "app:1")), Id: id });
});

it("is pushed with the layers of its base as they came", async () => {
  const name = `${registry.address}/team/app:1`;
  const { id } = await build([name]);
  await engine.images.push({ reference: name, allTags: false, credentials: null }, quietWork);
  const raw = JSON.parse(run("skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${name}`));
  const base = JSON.parse(run("skopeo", "inspect", "--raw", `oci:${layout}:web`));
  const digests = (manifest: { layers: { digest: string }[] }) => manifest.layers.map(({ digest }) => digest);
  expect(raw.config.digest).toBe(id);
  expect(digests(raw).slice(0, -1)).toEqual(digests(base));
});

it("is refused where a layer or a name is wrong, and nothing is left", async () => {
  const { chain } = await build(["app:1"]);
  const lost = [...chain, `sha256:${"0".repeat(64)}` as DiffID];
  const before = engine.images.list();
  await expect(engine.images.assemble({ config: { os: "linux" }, chain: lost, references: [] })).rejects.toMatchObject({
    code: "not-found",
  });
  await expect(engine.images.assemble({ config: {}, chain, references: ["A B"] })).rejects.toMatchObject({
    code: "invalid-argument",
  });
  expect(engine.images.list()).toEqual(before);
});
