import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lgetxattr } from "../../engine/host/syscalls.ts";
import { createContainer, eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { anonymousVolume, makeImage, namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
let outside: string;
const image = "filled:1";
const links = "links:1";

beforeAll(async () => {
  engine = await startTestEngine();
  outside = mkdtempSync("/tmp/gantry-test-");
  writeFileSync(join(outside, "secret"), "of the host\n");
  await makeImage(engine, links, {
    files: [
      { path: "data/f", data: "one\n" },
      { path: "alias", type: "2", linkPath: "data" },
      { path: "out", type: "2", linkPath: `../../../../../../../../../..${outside}` },
      { path: "far", type: "2", linkPath: `/proc/1/root${outside}` },
    ],
    changes: [],
  });
  await makeImage(engine, image, {
    files: [
      { path: "data/", mode: 0o2750, uid: 999, gid: 998, mtime: 1_234_567_890 },
      { path: "data/file", data: "one\n", uid: 5, gid: 6, mode: 0o4711, pax: { "SCHILY.xattr.user.note": "kept" } },
      { path: "data/same", type: "1", linkPath: "data/file" },
      { path: "data/link", type: "2", linkPath: "/etc/passwd" },
      { path: "data/deep/", mode: 0o1777 },
      { path: "data/deep/ünï\ncode", data: "two\n" },
      { path: "data/deep/fifo", type: "6" },
      { path: "empty/", mode: 0o700, uid: 70, gid: 70 },
    ],
    changes: ["VOLUME /data", 'VOLUME ["/empty","/none"]'],
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const dataOf = (name: string) => join(engine.config.root, "volumes", name, "_data");
const prune = () => request("volumes.prune", { all: true, labels: [], dryRun: false });

/** Names, types, modes, owners, links and times of a tree. */
function factsOf(directory: string): string {
  const format = "%P %y %m %U %G %n %s %Ts %l\\n";
  const files = execFileSync("find", [directory, "!", "-type", "d", "-printf", format]).toString();
  const directories = execFileSync("find", [directory, "-type", "d", "-printf", "%P %m %U %G %Ts\\n"]).toString();
  return [...files.split("\n"), ...directories.split("\n")].sort().join("\n");
}

it("fills a volume with all that the image has there, before the container ever runs", async () => {
  const container = await createContainer(engine, { image });
  const { mounts } = await request("containers.list", { all: true }).then(([first]) => first ?? { mounts: [] });
  expect(mounts.map(({ target, type }) => `${type} ${target}`).sort()).toEqual([
    "volume /data",
    "volume /empty",
    "volume /none",
  ]);
  const source = (target: string) => mounts.find((mount) => mount.target === target)?.source ?? "";
  const bare = await runContainer(engine, { image: "gantry/busybox", command: ["sleep", "60"] });
  await remove(bare);
  const data = source("/data");
  expect(lstatSync(data)).toMatchObject({ uid: 999, gid: 998, mtimeMs: 1_234_567_890_000 });
  expect(lstatSync(data).mode & 0o7777).toBe(0o2750);
  expect(factsOf(data)).toContain("file f 4711 5 6 2 4 1000000000 ");
  expect(factsOf(data)).toContain("same f 4711 5 6 2 4 1000000000 ");
  expect(factsOf(data)).toContain("link l 777 0 0 1 11 1000000000 /etc/passwd");
  expect(lstatSync(join(data, "deep")).mode & 0o7777).toBe(0o1777);
  expect(lstatSync(join(data, "deep/fifo")).isFIFO()).toBe(true);
  expect(lstatSync(join(data, "file")).ino).toBe(lstatSync(join(data, "same")).ino);
  expect(lgetxattr(join(data, "file"), "user.note")?.toString()).toBe("kept");
  expect(lstatSync(source("/empty"))).toMatchObject({ uid: 70, gid: 70 });
  expect(lstatSync(source("/empty")).mode & 0o7777).toBe(0o700);
  expect(lstatSync(source("/none"))).toMatchObject({ uid: 0, gid: 0 });
  expect(readdirSync(join(data, "..")).sort()).toEqual(["_data"]);
  await remove(container);
  await eventually(() => readdirSync(join(engine.config.root, "volumes")).length === 0);
});

it("leaves a volume alone that has something, or is not to be filled", async () => {
  const list = ["sh", "-c", "ls /data | tr '\\n' ' '"];
  expect(await outputOf(engine, list, { image, mounts: [namedVolume("nn", "/data")] })).toBe("deep file link same ");
  await outputOf(engine, ["sh", "-c", "rm -r /data/* && touch /data/own"], { mounts: [namedVolume("nn", "/data")] });
  expect(await outputOf(engine, list, { image, mounts: [namedVolume("nn", "/data")] })).toBe("own ");
  expect(await outputOf(engine, list, { image, mounts: [namedVolume("no", "/data", { noCopy: true })] })).toBe("");
  // A container that starts again finds what it has left.
  const container = await runContainer(engine, { image, command: ["sh", "-c", "rm -rf /data/*"] });
  await request("containers.wait", { container, condition: "stopped" });
  await request("containers.start", { container });
  await request("containers.wait", { container, condition: "stopped" });
  const { Mounts } = (await request("containers.inspect", { container })) as { Mounts: { Source: string }[] };
  expect(Mounts.map(({ Source }) => readdirSync(Source).length)).toEqual([0, 0, 0]);
  await remove(container);
  await prune();
});

it("follows links of the image inside the container only, for what it copies and where it mounts", async () => {
  const listing = async (target: string) => {
    const text = await outputOf(engine, ["sh", "-c", `touch ${target}/mine; ls ${target} | tr '\\n' ' '`], {
      image: links,
      mounts: [namedVolume("vv", target)],
    }).catch((error: Error) => `refused: ${error.message}`);
    const names = readdirSync(dataOf("vv")).sort();
    await request("containers.prune", { until: null, labels: [], dryRun: false });
    await prune();
    return [text, names.join(" ")];
  };
  expect(await listing("/alias")).toEqual(["f mine ", "f mine"]);
  for (const target of ["/out", "/far"]) {
    const [text, names] = await listing(target);
    expect(`${text} ${names}`).not.toContain("secret");
  }
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(existsSync(join(outside, "mine"))).toBe(false);
});

it("goes on with a filling that was cut off, or has never begun it", async () => {
  const big = "filled:big";
  const files = Array.from({ length: 1500 }, (_, index) => ({ path: `data/f${index}`, data: "x".repeat(5000) }));
  await makeImage(engine, big, { files: [{ path: "data/" }, ...files], changes: [] });
  for (const delay of [15, 60]) {
    const made = createContainer(engine, { image: big, name: `cut-${delay}`, mounts: [namedVolume("cut", "/data")] });
    made.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, delay));
    await engine.stop("SIGKILL");
    await engine.start();
    const [container] = await request("containers.list", { all: true });
    if (container === undefined) {
      expect(readdirSync(join(engine.config.root, "volumes")).filter((name) => !name.startsWith("."))).toEqual([]);
      continue;
    }
    const present = readdirSync(dataOf("cut"));
    expect([0, 1500]).toContain(present.length);
    await request("containers.start", { container: container.id });
    expect(readdirSync(dataOf("cut"))).toHaveLength(1500);
    expect(readdirSync(join(dataOf("cut"), ".."))).toEqual(["_data"]);
    expect(readFileSync(join(dataOf("cut"), "f7"), "utf8")).toHaveLength(5000);
    await remove(container.id);
    await prune();
  }
});

it("fills for several at once only once, and waits for it", async () => {
  const mounts = [namedVolume("together", "/data")];
  const count = ["sh", "-c", "ls /data | wc -l"];
  const all = await Promise.all([1, 2, 3, 4].map(() => outputOf(engine, count, { image, mounts })));
  expect(all).toEqual(["4\n", "4\n", "4\n", "4\n"]);
  await prune();
  expect(await outputOf(engine, ["ls", "/x"], { image, mounts: [anonymousVolume("/x")] })).toBe("");
});
