import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EngineError } from "../../engine/errors.ts";
import { loadImages } from "../../src/client/upload.ts";
import { createContainer, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { dockerArchive, type LayerItems } from "../support/images-archives.ts";
import { putLayers } from "../support/images-registry.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const shared: LayerItems = [["shared", randomBytes(1_500_000)]];
let engine: TestEngine;
let registry: TestRegistry;
let web: string;
let other: string;

beforeAll(async () => {
  registry = await startRegistry();
  await putLayers(registry, "web", [shared, [["big", randomBytes(3_000_000)]]]);
  await putLayers(registry, "other", [shared, [["other", randomBytes(500_000)]]]);
  web = `${registry.address}/web:latest`;
  other = `${registry.address}/other:latest`;
  engine = await startTestEngine();
  // Keeps the starter image.
  await createContainer(engine);
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const pullRequest = { allTags: false, platform: null, credentials: null, verifyKeys: [] };
const pull = (reference: string, signal?: AbortSignal) =>
  request("images.pull", { reference, ...pullRequest }, signal === undefined ? {} : { signal });
const names = async (): Promise<string[]> =>
  (await request("images.list", {})).flatMap(({ references }) => references).sort();

/** The store is whole, and what has come can run. */
async function expectWhole(...images: string[]): Promise<void> {
  expect((await request("system.fsck", { repair: false })).findings).toEqual([]);
  expect((await names()).filter((name) => !name.startsWith("gantry/"))).toEqual([...images].sort());
}

async function removeAll(): Promise<void> {
  await request("images.prune", { all: true, until: null, labels: [], dryRun: false });
  await expectWhole();
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof EngineError && error.code !== "internal" ? error.code : String(error)),
  );

it("two pulls of one image, one of them cancelled at any moment", async () => {
  for (const delay of [0, 20, 60, 120, 200]) {
    const abort = new AbortController();
    const pulls = [codeOf(pull(web, abort.signal)), codeOf(pull(web))];
    await sleep(delay);
    abort.abort();
    const [first, second] = await Promise.all(pulls);
    expect(["done", "cancelled"]).toContain(first);
    expect(second).toBe("done");
    await expectWhole(web);
    await removeAll();
  }
});

it("an image is removed while another one with the same layers is pulled", async () => {
  for (const delay of [0, 10, 30, 80, 150]) {
    await pull(web);
    const pulling = codeOf(pull(other));
    await sleep(delay);
    await request("images.remove", { image: web, force: false });
    expect(await pulling).toBe("done");
    await expectWhole(other);
    await removeAll();
  }
});

it("everything unused is pruned while an archive is loaded, and while an image is pulled", async () => {
  const archive = await tarOf(await dockerArchive([shared, [["l", randomBytes(2_000_000)]]], "example/race:1"));
  for (const delay of [0, 15, 40, 80, 140]) {
    const works = [codeOf(loadImages(engine.client, chunksOf(archive))), codeOf(pull(web))];
    await sleep(delay);
    await request("images.prune", { all: true, until: null, labels: [], dryRun: false });
    expect(await Promise.all(works)).toEqual(["done", "done"]);
    expect((await request("system.fsck", { repair: false })).findings).toEqual([]);
    // Either it came before the prune, and went, or after it, and is there whole.
    const there = (await names()).filter((name) => !name.startsWith("gantry/"));
    for (const image of there) await request("containers.remove", { container: await containerOf(image), ...force });
    await removeAll();
  }
});

const force = { force: true, volumes: false };
const containerOf = (image: string) => createContainer(engine, { image });

it("a container is committed while it is removed", async () => {
  for (const delay of [0, 10, 30, 60, 120]) {
    const container = await runContainer(engine, {
      command: ["sh", "-c", "dd if=/dev/urandom of=/big bs=1M count=3 2>/dev/null; sleep 300"],
    });
    await sleep(100);
    const fields = { container, reference: "example/committed:1", author: "", message: "", changes: [], pause: true };
    const committing = codeOf(request("containers.commit", fields));
    await sleep(delay);
    const removing = codeOf(request("containers.remove", { container, ...force }));
    const outcome = await committing;
    expect(await removing).toBe("done");
    expect(["done", "not-found", "failed-precondition", "unavailable"]).toContain(outcome);
    await expectWhole(...(outcome === "done" ? ["example/committed:1"] : []));
    await removeAll();
  }
});

it("a name moves to another image while it is pushed", async () => {
  for (const delay of [0, 10, 40, 100]) {
    await pull(web);
    await pull(other);
    const name = `${registry.address}/moved:${delay}`;
    await request("images.tag", { image: web, reference: name });
    const pushing = request("images.push", { reference: name, allTags: false, credentials: null });
    await sleep(delay);
    await request("images.tag", { image: other, reference: name });
    const { images } = await pushing;
    expect(images).toHaveLength(1);
    // What was pushed is one of the two, whole.
    await request("images.remove", { image: name, force: false });
    const digest = images[0]?.digest ?? "";
    await pull(`${registry.address}/moved@${digest}`);
    expect((await request("system.fsck", { repair: false })).findings).toEqual([]);
    await removeAll();
  }
});

it("the store is checked and repaired while all of that goes on", async () => {
  const archive = await tarOf(await dockerArchive([shared, [["m", randomBytes(1_000_000)]]], "example/busy:1"));
  let isOver = false;
  const checking = (async () => {
    const found: unknown[] = [];
    while (!isOver) found.push(...(await request("system.fsck", { repair: true })).findings);
    return found;
  })();
  // Looked at in the end.
  checking.catch(() => {});
  for (let round = 0; round < 4; round++) {
    await Promise.all([pull(web), loadImages(engine.client, chunksOf(archive)), pull(other)]);
    const container = await runContainer(engine, {});
    await Promise.all([
      request("images.remove", { image: web, force: false }),
      request("containers.remove", { container, ...force }),
      request("images.prune", { all: true, until: null, labels: [], dryRun: false }),
    ]);
  }
  isOver = true;
  expect(await checking).toEqual([]);
  await removeAll();
  const log = readFileSync(join(engine.config.root, "engine.log"), "utf8");
  expect(log).not.toMatch(/"level":"error"/);
});
