import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { FileEntry } from "../../engine/protocol/files.ts";
import { type BrowsedLayers, everything, openBrowsedLayers } from "../support/browsed-layers.ts";
import type { TarItem } from "../support/tar-of.ts";

let browsed: BrowsedLayers;

beforeAll(async () => {
  browsed = await openBrowsedLayers();
});

afterAll(() => browsed[Symbol.asyncDispose]());

it("gives names of any bytes, and finds them again", async () => {
  const names = [
    "new\nline",
    "esc\x1b[31m",
    "bad\xff\xfe",
    "caf\xc3\xa9",
    "half\xc3",
    "\xf0\x9f\x92\x80",
    "back\\x41slash",
    "tab\t",
  ];
  const image = await browsed.stack(names.map((name) => ({ path: `odd/${name}`, data: `<${name}>` })));
  const { entries } = await browsed.list(image, { path: "/odd" });
  expect(entries).toHaveLength(names.length);
  expect(entries.map(({ path }) => path)).toContain("/odd/café");
  expect(entries.map(({ path }) => path)).toContain("/odd/💀");
  for (const { path } of entries) {
    const sent = JSON.parse(JSON.stringify(path));
    const bytes = await browsed.read(image, sent);
    expect(bytes.length).toBeGreaterThan(2);
    expect((await browsed.list(image, { path: sent })).entries[0]?.path).toBe(path);
    expect((await browsed.archive(image, sent)).length).toBeGreaterThan(1024);
  }
  const found = await browsed.list(image, { filter: { ...everything, contains: "CAFÉ" } });
  expect(found.entries).toHaveLength(1);
});

it("keeps pages of very long and very deep paths small", async () => {
  const deep = Array.from({ length: 2_000 }, () => "d").join("/");
  const long = Array.from({ length: 15 }, () => "n".repeat(250)).join("/");
  const items: TarItem[] = [
    { path: "deep", pax: { path: `${deep}/file` }, data: "deep" },
    ...Array.from({ length: 900 }, (_, index) => ({ path: "long", pax: { path: `${long}/${index}` }, data: "long" })),
  ];
  const image = await browsed.stack(items);
  expect(await browsed.read(image, `/${deep}/file`)).toBe("deep");
  expect(await browsed.read(image, `/${long}/77`)).toBe("long");
  expect((await browsed.list(image, { filter: { ...everything, contains: "/file" } })).total).toBe(1);
  expect((await browsed.waste(image)).totalBytes).toBe(3_604);
  expect((await browsed.compare(image, await browsed.stack({ other: "" }), "/file")).total).toBe(1);
  const filter = { ...everything, minimumSize: 1 };
  const first = await browsed.list(image, { filter, limit: 1_000_000 });
  expect(first.total).toBe(901);
  expect(first.entries.length).toBeLessThan(300);
  expect(JSON.stringify(first.entries).length).toBeLessThan(1_200_000);
  const seen = new Set<string>();
  for (let offset = 0; offset < first.total; ) {
    const page = await browsed.list(image, { filter, offset });
    for (const { path } of page.entries) seen.add(path);
    offset += page.entries.length;
  }
  expect(seen.size).toBe(901);
});

it("refuses numbers that are none", async () => {
  const image = await browsed.stack({ file: "x" });
  for (const offset of [-1, 0.5, Number.NaN]) {
    await expect(browsed.list(image, { offset })).rejects.toMatchObject({ code: "invalid-argument" });
  }
  for (const layer of [-1, 0.5, 1]) {
    await expect(browsed.list(image, { layer })).rejects.toMatchObject({ code: "invalid-argument" });
  }
  expect(await browsed.list([])).toEqual({ entries: [], total: 0 });
});

it("shows what overlayfs shows, whatever lies on each other", async () => {
  const random = randomNumbers(20_260);
  for (let round = 0; round < 12; round++) {
    const image = await browsed.stack(...Array.from({ length: 1 + (round % 6) }, () => randomLayer(random)));
    const key = `mounted-${round}`;
    await browsed.layers.prepare(key, image);
    try {
      const rootfs = await browsed.layers.mount(key);
      execFileSync("sh", ["-c", "echo y > a; rm -rf b/a; mkdir -p c/b; echo zz > c/b/a; true"], {
        cwd: rootfs,
        stdio: "ignore",
      });
      const seen = (of: typeof image | string, layer: number | null) =>
        browsed
          .list(of, { filter: everything, layer })
          .then(({ entries }) => entries.filter(({ change }) => change !== "removed").map(lineOf));
      expect(await seen(key, null)).toEqual(walk(rootfs));
      expect(await seen(key, image.length)).toEqual(walk(rootfs));
    } finally {
      await browsed.layers.remove(key);
    }
    await browsed.layers.prepare(`${key}-image`, image);
    try {
      const rootfs = await browsed.layers.mount(`${key}-image`);
      const entries = (await browsed.list(image, { filter: everything })).entries;
      expect(entries.filter(({ change }) => change !== "removed").map(lineOf)).toEqual(walk(rootfs));
      for (const { path, type, change } of entries) {
        if (type !== "file" || change === "removed") continue;
        expect(await browsed.read(image, path)).toBe(execFileSync("cat", [join(rootfs, path)], { encoding: "utf8" }));
      }
    } finally {
      await browsed.layers.remove(`${key}-image`);
    }
  }
}, 30_000);

/** `d /a 12 3`: type, path, bytes, and of a directory how many entries are below it. */
function lineOf({ type, path, size, entries }: FileEntry): string {
  return type === "directory" ? `d ${path} ${size} ${entries}` : `f ${path} ${size}`;
}

function walk(root: string, path = ""): string[] {
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => {
      const own = `${path}/${name}`;
      const stat = lstatSync(join(root, own), { throwIfNoEntry: false });
      // overlayfs lists whiteouts of directories that only one layer has.
      if (stat === undefined) return [];
      if (!stat.isDirectory()) return [`f ${own} ${stat.size}`];
      const below = walk(root, own);
      const sizes = below.filter((line) => line.startsWith("f")).map((line) => Number(line.split(" ")[2]));
      return [`d ${own} ${sizes.reduce((sum, size) => sum + size, 0)} ${below.length}`, ...below];
    });
}

/** Files, directories, whiteouts and opaque marks at few names, so that they meet. */
function randomLayer(random: () => number): TarItem[] {
  const name = () => ["a", "b", "c"][Math.floor(random() * 3)] ?? "a";
  const items = new Map<string, TarItem>([["./", { path: "./" }]]);
  const kinds = new Map<string, "directory" | "other">();
  for (let count = 0; count < 14; count++) {
    const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, name);
    const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
    if (parents.some((parent) => kinds.get(parent) === "other") || kinds.has(parts.join("/"))) continue;
    for (const parent of parents) {
      kinds.set(parent, "directory");
      if (!items.has(parent)) items.set(parent, { path: `${parent}/` });
    }
    const path = parts.join("/");
    const choice = random();
    kinds.set(path, choice < 0.3 ? "directory" : "other");
    if (choice < 0.2) items.set(path, { path: `${path}/` });
    else if (choice < 0.3) {
      items.set(path, { path: `${path}/` });
      items.set(`${path}/opaque`, { path: `${path}/.wh..wh..opq` });
    } else if (choice < 0.5) items.set(path, { path: [...parts.slice(0, -1), `.wh.${parts.at(-1)}`].join("/") });
    else items.set(path, { path, data: "x".repeat(Math.floor(random() * 50)) });
  }
  return [...items.values()];
}

/** The same ones in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
