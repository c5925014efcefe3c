/**
 * Measures how files of a very large image are looked at, and prints what each look takes, how long the engine's answer to something else
 * was held up meanwhile, and its memory.
 *
 *   node test/bench/files.ts [--files 500000] [--layers 5]
 */
import { execFileSync } from "node:child_process";
import { createReadStream, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { MethodParams } from "../../engine/protocol/methods.ts";
import { newStreamID } from "../../src/client/stream-id.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { writeLargeImage } from "./support/large-image.ts";

const { values: options } = parseArgs({
  options: { files: { type: "string", default: "500000" }, layers: { type: "string", default: "5" } },
});
const files = Number(options.files);
const layers = Number(options.layers);

await using engine = await startTestEngine();
const directory = await mkdtemp("/tmp/gantry-bench-files-");
try {
  await loadImage(engine);
  await measureAll(engine);
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function loadImage({ client }: TestEngine): Promise<void> {
  const made = await writeLargeImage(directory, { files, layers, sparseSize: 9_000_000_000 / layers });
  const created = "2026-01-01T00:00:00Z";
  const config = {
    architecture: "amd64",
    os: "linux",
    created,
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: made.map(({ diffID }) => diffID) },
    history: made.map((_, index) => ({ created, created_by: `step ${index}` })),
  };
  const names = made.map(({ path }) => path.slice(directory.length + 1));
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(
    join(directory, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: ["large:1"], Layers: names }]),
  );
  const archive = join(directory, "image.tar");
  execFileSync("tar", ["-C", directory, "-cf", archive, "manifest.json", "config.json", ...names]);
  const begin = performance.now();
  const streamID = newStreamID();
  const stream = await client.openStream(streamID);
  const send = async () => {
    for await (const chunk of createReadStream(archive, { highWaterMark: 256 * 1024 })) await stream.write(chunk);
    stream.end();
  };
  await Promise.all([client.request("images.load", { streamID }), send()]);
  console.log(`${files} files in ${layers} layers loaded in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

async function measureAll(under: TestEngine): Promise<void> {
  const subject = { type: "image", name: "large:1", layer: null, view: "upTo" } as const;
  const list = (changes: Partial<MethodParams<"files.list">>) => () =>
    under.client.request("files.list", {
      subject,
      path: "/",
      filter: null,
      order: "name",
      offset: 0,
      limit: 100,
      ...changes,
    });
  const everything = { contains: "", minimumSize: 1, changed: false };
  const forget = async (pattern: string) => {
    await under.stop();
    for (const path of globSync(pattern, { cwd: under.config.root })) rmSync(join(under.config.root, path));
    await under.start();
  };
  await forget("{cache/files/*,layers/*/files-*.idx}");
  await measure(under, "first page, nothing is indexed yet", list({}));
  await forget("cache/files/*");
  await measure(under, "first page, layers are listed", list({}));
  await forget("nothing");
  await measure(under, "first page after a restart", list({}));
  await measure(under, "first page again", list({}));
  await measure(under, "another layer", list({ subject: { ...subject, layer: 1, view: "layer" } }));
  await measure(under, "a text in the path", list({ filter: { ...everything, contains: "FILE-4999" } }));
  await measure(under, "all files, biggest first", list({ filter: everything, order: "size", limit: 1000 }));
  await measure(
    under,
    "a page in the middle of it",
    list({ filter: everything, order: "size", offset: Math.floor(files / 3) }),
  );
  await measure(under, "waste", () => under.client.request("files.waste", { subject, limit: 100 }));
  const busybox = { ...subject, name: "gantry/busybox" };
  const sides = { left: subject, right: busybox, contains: "", offset: 0, limit: 100 };
  await measure(under, "compared with another image", () => under.client.request("files.compare", sides));
}

async function measure(under: TestEngine, name: string, look: () => Promise<unknown>): Promise<void> {
  const other = await under.connect();
  let longest = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const begin = performance.now();
      await other.request("system.info", {});
      longest = Math.max(longest, performance.now() - begin);
      await sleep(5);
    }
  })();
  const begin = performance.now();
  await Promise.race([look(), asking]);
  const taken = performance.now() - begin;
  isOver = true;
  await asking;
  other.close();
  const status = readFileSync(`/proc/${under.pid}/status`, "utf8");
  const megabytes = (field: string) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  const memory = `${megabytes("VmRSS")} MB (peak ${megabytes("VmHWM")} MB)`;
  console.log(
    `${name.padEnd(36)}${taken.toFixed(0).padStart(6)} ms, others waited ${longest.toFixed(0)} ms, ${memory}`,
  );
}
