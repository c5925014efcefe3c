import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openBuildCache } from "../../engine/builder/cache/local-build-cache.ts";
import { openDatabase } from "../../engine/database/database.ts";
import { rebuildTar } from "../../engine/images/rebuild-tar.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { madeOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let root: TempRoot;
const { signal } = new AbortController();

beforeEach(async () => {
  root = await tempRoot();
});
afterEach(() => root[Symbol.asyncDispose]());

const moduleURL = (path: string) => JSON.stringify(new URL(`../../engine/${path}`, import.meta.url).href);

/** Steps one after another, each found in the cache when it was made, for as long as it lives. */
const builder = (path: string) => `
  import { mkdirSync, rmSync, writeFileSync } from "node:fs";
  import { openBuildCache } from ${moduleURL("builder/cache/local-build-cache.ts")};
  import { openDatabase } from ${moduleURL("database/database.ts")};
  import { openLayerStore } from ${moduleURL("layers/overlay-layer-store.ts")};
  import { sha256 } from ${moduleURL("oci/digest.ts")};
  const root = ${JSON.stringify(path)};
  const layers = await openLayerStore({ root });
  const cache = await openBuildCache({ root, layers, database: openDatabase(root + "/gantry.db"), limit: null });
  for (const key of layers.listWritable()) await layers.remove(key);
  const { signal } = new AbortController();
  process.stdout.write("go");
  let chain = [];
  for (let number = 0; number < 200; number++) {
    const key = sha256(String(number));
    const known = await cache.find(key);
    if (known !== null) {
      chain = known.chain;
      continue;
    }
    const rootfs = await layers.prepare("step", chain).then(() => layers.mount("step", { isVolatile: true }));
    mkdirSync(rootfs + "/d" + number);
    for (let file = 0; file < 20; file++) writeFileSync(rootfs + "/d" + number + "/" + file, "x".repeat(file));
    if (number > 0) rmSync(rootfs + "/d" + (number - 1), { recursive: true });
    const layer = await layers.commit("step", { signal });
    chain = [...chain, layer.diffID];
    await cache.put(key, { chain, size: layer.size, createdAt: "2026-01-01T00:00:00.000Z" }, "step " + number);
  }
`;

it("is killed at any instant: what the cache gives is whole, and nothing else is left", async () => {
  const engine = root.join("engine");
  const script = root.join("builder.ts");
  writeFileSync(script, builder(engine));
  let most = 0;
  for (const delay of [90, 170, 310, 430, 500]) {
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await sleep(delay);
    child.kill("SIGKILL");
    await exited;
    most = Math.max(most, await check(engine));
  }
  expect(most).toBeGreaterThan(2);
});

/** Gives how many steps the cache has. */
async function check(path: string): Promise<number> {
  await using layers = await openLayerStore({ root: path });
  const database = openDatabase(`${path}/gantry.db`);
  await using cache = await openBuildCache({ root: path, layers, database, limit: null });
  for (const key of layers.listWritable()) await layers.remove(key);
  await layers.sweep(cache.chains());
  const rows = await cache.usage();
  const chains = new Set(cache.chains().flatMap((chain) => chain.map((_, index) => chain.slice(0, index + 1))));
  for (const chain of [...chains].slice(-10)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of rebuildTar(layers, chain, signal)) chunks.push(Buffer.from(chunk));
    expect(madeOf(Buffer.concat(chunks)).diffID).toBe(chain.at(-1));
  }
  expect(
    layers.upkeep
      .list()
      .map(({ diffID }) => diffID)
      .sort(),
  ).toEqual([...new Set(cache.chains().flat())].sort());
  const inMaking = () => readdirSync(`${path}/layers`).filter((name) => name.startsWith("."));
  await vi.waitFor(() => expect(inMaking()).toEqual([]), { timeout: 5_000 });
  expect(readdirSync(`${path}/containers`).filter((name) => !name.startsWith("."))).toEqual([]);
  database.close();
  return rows.length;
}
