import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineConfig } from "../../engine/config.ts";
import { EngineError } from "../../engine/errors.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { chainIDsOf } from "../../engine/oci/chain-id.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { importImage, loadImages } from "../../src/client/upload.ts";
import { openDatabaseCopy } from "./database-copy.ts";
import { createContainer, eventually, starterImage, type TestEngine } from "./engine.ts";
import { randomOf } from "./fault-storm.ts";
import { dockerArchive, type LayerItems } from "./images-archives.ts";
import { putLayers } from "./images-registry.ts";
import { chunksOf, tarOf } from "./images-tar.ts";
import type { TestRegistry } from "./registry.ts";

export type ImageStormOptions = {
  readonly kills: number;
  readonly seed: number;
  readonly report?: (line: string) => void;
};

/** Something that is done to images, and what has to be there before. */
type Work = {
  readonly name: string;
  readonly prepare: () => Promise<void>;
  readonly run: () => Promise<unknown>;
};

const commitRequest = { author: "ann", message: "m", changes: ["CMD true"], pause: true };

/**
 * Kills an engine at random points of everything that makes or removes images, and looks after each restart whether the store is whole and
 * nothing is there that nobody needs; then the same is done again, which must succeed. Gives what is wrong.
 */
export async function imageStorm(
  engine: TestEngine,
  registry: TestRegistry,
  options: ImageStormOptions,
): Promise<string[]> {
  const random = randomOf(options.seed);
  const works = await worksOn(engine, registry);
  const findings: string[] = [];
  await eventually(() => mountsIn(engine.config).length === 0);
  const baseline = tracesOf(engine.config);
  const lengths = new Map<string, number>();
  for (const work of works) lengths.set(work.name, await lengthOf(work));
  for (let round = 1; round <= options.kills; round++) {
    const work = works[Math.floor(random() * works.length)];
    if (work === undefined) break;
    await work.prepare();
    const delay = random() * 1.1 * (lengths.get(work.name) ?? 0);
    const running = work.run().catch(() => null);
    await sleep(delay);
    await engine.stop("SIGKILL");
    await running;
    await engine.start();
    const found = [...(await check(engine, baseline)), ...(await again(work))];
    options.report?.(`round ${round}: ${work.name} killed after ${delay.toFixed(0)} ms ${found.join("; ")}`);
    findings.push(...found.map((text) => `round ${round}, ${work.name} killed after ${delay.toFixed(0)} ms: ${text}`));
  }
  return findings;
}

async function lengthOf(work: Work): Promise<number> {
  await work.prepare();
  const begin = performance.now();
  await work.run();
  return performance.now() - begin;
}

async function again(work: Work): Promise<string[]> {
  try {
    await work.run();
    return [];
  } catch (error) {
    return [`tried again: ${error instanceof Error ? error.message : error}`];
  }
}

async function worksOn(engine: TestEngine, registry: TestRegistry): Promise<Work[]> {
  const shared: LayerItems = [["shared", randomBytes(1_200_000)]];
  const web: readonly LayerItems[] = [shared, [["a/b", randomBytes(2_000_000)]], [["etc/motd", "hi"]]];
  await putLayers(registry, "web", web);
  const loaded: readonly LayerItems[] = [shared, [["c", randomBytes(1_500_000)]], [["d", "d"]]];
  const archive = await tarOf(await dockerArchive(loaded, "example/loaded:1"));
  const rootfs = await tarOf([["file", randomBytes(2_000_000)]]);
  const name = `${registry.address}/web:latest`;
  let pushes = 0;
  const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
  const remove = async (image: string): Promise<void> => {
    await request("images.remove", { image, force: false }).catch(ignoreMissing);
  };
  const load = () => loadImages(engine.client, chunksOf(archive));
  const pull = () =>
    request("images.pull", { reference: name, allTags: false, platform: null, credentials: null, verifyKeys: [] });
  const container = await createContainer(engine, {
    command: ["dd", "if=/dev/urandom", "of=/big", "bs=1M", "count=2"],
  });
  await request("containers.start", { container });
  await request("containers.wait", { container, condition: "stopped" });
  const pushed = () => `${registry.address}/pushed:${pushes}`;
  const prepareNothing = async (): Promise<void> => {};
  return [
    { name: "pull", prepare: () => remove(name), run: pull },
    { name: "load", prepare: () => remove("example/loaded:1"), run: load },
    {
      name: "commit",
      prepare: () => remove("example/committed:1"),
      run: () => request("containers.commit", { container, reference: "example/committed:1", ...commitRequest }),
    },
    { name: "rmi", prepare: () => pull().then(ignore), run: () => remove(name) },
    {
      name: "push",
      prepare: async () => {
        await load();
        await remove(pushed());
        pushes++;
        await request("images.tag", { image: "example/loaded:1", reference: pushed() });
      },
      run: () => request("images.push", { reference: pushed(), allTags: false, credentials: null }),
    },
    {
      name: "import",
      prepare: prepareNothing,
      run: () =>
        importImage(engine.client, chunksOf(rootfs), { reference: "example/imported:1", changes: [], message: "" }),
    },
    {
      name: "prune",
      prepare: () => Promise.all([load(), pull()]).then(ignore),
      run: () => request("images.prune", { all: true, until: null, labels: [], dryRun: false }),
    },
  ];
}

function ignore(): void {}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== "not-found") throw error;
}

/** What fsck says, and what a look with other eyes finds. */
async function check(engine: TestEngine, baseline: readonly string[]): Promise<string[]> {
  const { findings } = await engine.client.request("system.fsck", { repair: false });
  let strays: string[] = [];
  const isClean = (): boolean => {
    const traces = tracesOf(engine.config);
    strays = [
      ...traces.filter((trace) => !baseline.includes(trace)).map((trace) => `left: ${trace}`),
      ...baseline.filter((trace) => !traces.includes(trace)).map((trace) => `lost: ${trace}`),
    ];
    return strays.length === 0;
  };
  // What is no longer needed goes in the background.
  await eventually(isClean, 5).catch(() => null);
  const images = await engine.client.request("images.list", {});
  const starter = images.some(({ references }) => references.some((name) => name.startsWith(starterImage)));
  return [
    ...findings.map(({ kind, object, problem }) => `${kind} ${object} ${problem}`),
    ...strays,
    ...(starter ? [] : ["the starter image is gone"]),
  ];
}

/** Everything below the root that no record accounts for, and all mounts. */
function tracesOf(config: EngineConfig): string[] {
  using copy = openDatabaseCopy(join(config.root, "gantry.db"));
  const { database } = copy;
  const column = (sql: string): string[] =>
    database
      .prepare(sql)
      .all()
      .map((row) => String(Object.values(row)[0]));
  const leased = column("SELECT digest FROM lease_blobs").map((digest) => digest.slice(7));
  const needed = new Set([
    ...column("SELECT id FROM images"),
    ...column("SELECT manifest_digest FROM images"),
    ...column("SELECT digest FROM image_digests"),
    ...column("SELECT blob_digest FROM image_layers"),
    ...leased.map((hex) => `sha256:${hex}`),
  ]);
  const chains = [
    ...column("SELECT json_group_array(diff_id ORDER BY position) FROM image_layers GROUP BY image_id"),
    ...column("SELECT chain FROM lease_layers"),
  ].map((chain) => JSON.parse(chain) as DiffID[]);
  const layers = new Set<string>(chains.flatMap((chain) => [...chain, ...chainIDsOf(chain)]));
  const files = (...path: string[]): string[] =>
    readdirSync(join(config.root, ...path)).map((name) => join(...path, name));
  return [
    ...files("blobs/sha256").filter((path) => !needed.has(`sha256:${path.slice(-64)}`)),
    ...files("blobs/ingest").filter((path) => !leased.includes(path.slice(-64))),
    ...files("layers").filter((path) => !layers.has(`sha256:${path.slice(-64)}`) || !hasRecord(config, path)),
    ...files("containers"),
    ...files("cache/files").filter((path) => !path.includes("tree-")),
    ...files(".").filter((path) => !/-(wal|shm)$/.test(path)),
    ...mountsIn(config),
    ...column("SELECT id || state FROM containers"),
  ];
}

function mountsIn({ root }: EngineConfig): string[] {
  return listMounts()
    .map(({ target }) => target)
    .filter((target) => target.startsWith(`${root}/`));
}

function hasRecord(config: EngineConfig, path: string): boolean {
  return existsSync(join(config.root, path, "layer.json"));
}
