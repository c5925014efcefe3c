import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { listCacheMounts, openCacheMounts, removeCacheMount } from "../../engine/builder/run/cache-mounts.ts";
import type { CacheMounts } from "../../engine/builder/run/step-runner.ts";
import { openStepScene } from "../support/build-steps.ts";
import { tempRoot } from "../support/temp-root.ts";

type CacheMount = Parameters<CacheMounts["open"]>[0];
const { signal } = new AbortController();

const cache = (more: Partial<CacheMount> = {}): CacheMount => ({
  type: "cache",
  target: "/root/.cache",
  id: "/root/.cache",
  from: null,
  source: "",
  sharing: "shared",
  mode: 0o755,
  uid: 0,
  gid: 0,
  readOnly: false,
  ...more,
});

async function openScene() {
  const root = await tempRoot();
  onTestFinished(() => root[Symbol.asyncDispose]());
  return { root: root.path, caches: await openCacheMounts({ root: root.path }), join: root.join };
}

async function isOpenSoon(opening: Promise<unknown>): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(resolve, 50, false));
  return Promise.race([opening.then(() => true as const), late]);
}

it("gives the same cache again, with what was left in it, also to another engine", async () => {
  const { root, caches } = await openScene();
  const first = await caches.open(cache({ mode: 0o1770, uid: 7, gid: 8 }), null, signal);
  writeFileSync(join(first.path, "kept"), "x");
  expect(statSync(first.path)).toMatchObject({ uid: 7, gid: 8, mode: 0o041770 });
  await first[Symbol.asyncDispose]();
  const again = await openCacheMounts({ root });
  await using second = await again.open(cache({ mode: 0o1770, uid: 7, gid: 8 }), null, signal);
  expect(second.path).toBe(first.path);
  await using other = await again.open(cache({ id: "other", target: "/root/.cache" }), null, signal);
  expect(other.path).not.toBe(first.path);
});

it("is one for all that share it, one after the other where it is locked, one each where it is private", async () => {
  const { caches } = await openScene();
  const one = await caches.open(cache(), null, signal);
  const two = await caches.open(cache(), null, signal);
  expect(two.path).toBe(one.path);
  const locked = caches.open(cache({ sharing: "locked" }), null, signal);
  const own = await caches.open(cache({ sharing: "private" }), null, signal);
  const another = await caches.open(cache({ sharing: "private" }), null, signal);
  expect(new Set([one.path, own.path, another.path]).size).toBe(3);
  await own[Symbol.asyncDispose]();
  const same = await caches.open(cache({ sharing: "private" }), null, signal);
  expect(same.path).toBe(own.path);
  await one[Symbol.asyncDispose]();
  expect(await isOpenSoon(locked)).toBe(false);
  // Nobody overtakes who waits already.
  const late = caches.open(cache(), null, signal);
  await two[Symbol.asyncDispose]();
  const got = await locked;
  expect(got.path).toBe(one.path);
  expect(await isOpenSoon(late)).toBe(false);
  await got[Symbol.asyncDispose]();
  expect((await late).path).toBe(one.path);
});

it("lets who waits for it give up", async () => {
  const { caches } = await openScene();
  const holder = await caches.open(cache({ sharing: "locked" }), null, signal);
  const stop = new AbortController();
  const waiting = caches.open(cache({ sharing: "locked" }), null, stop.signal);
  const behind = caches.open(cache({ sharing: "locked" }), null, signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  await holder[Symbol.asyncDispose]();
  await (await behind)[Symbol.asyncDispose]();
});

it("begins with the files of a tree, and keeps what became of them", async () => {
  const { caches, join: at } = await openScene();
  const initial = at("initial");
  mkdirSync(join(initial, "sub"), { recursive: true });
  writeFileSync(join(initial, "sub/file"), "from the image", { mode: 0o640 });
  symlinkSync("/etc/passwd", join(initial, "link"));
  const wish = cache({ from: "base", source: "/initial" });
  const first = await caches.open(wish, initial, signal);
  expect(readFileSync(join(first.path, "sub/file"), "utf8")).toBe("from the image");
  expect(statSync(join(first.path, "sub/file")).mode & 0o777).toBe(0o640);
  expect(readlinkSync(join(first.path, "link"))).toBe("/etc/passwd");
  expect(lstatSync(join(first.path, "link")).isSymbolicLink()).toBe(true);
  writeFileSync(join(first.path, "sub/file"), "changed");
  await first[Symbol.asyncDispose]();
  await using second = await caches.open(wish, initial, signal);
  expect(readFileSync(join(second.path, "sub/file"), "utf8")).toBe("changed");
  // Of the same name, and yet another stage.
  await using other = await caches.open(wish, initial, signal, "sha256:another");
  expect(readFileSync(join(other.path, "sub/file"), "utf8")).toBe("from the image");
});

it("leaves nothing of one that could not be filled", async () => {
  const { root, caches, join: at } = await openScene();
  await expect(caches.open(cache({ from: "base" }), at("missing"), signal)).rejects.toThrow("make cache mount");
  const aborted = AbortSignal.abort();
  mkdirSync(at("initial"));
  await expect(caches.open(cache({ from: "base" }), at("initial"), aborted)).rejects.toMatchObject({
    code: "cancelled",
  });
  expect(readdirSync(join(root, "build/mounts"))).toEqual([]);
  await using _works = await caches.open(cache({ from: "base" }), at("initial"), signal);
});

it("clears away what an engine that was killed was making, and makes anew what has no record", async () => {
  const { root, caches } = await openScene();
  const made = await caches.open(cache(), null, signal);
  await made[Symbol.asyncDispose]();
  execFileSync("rm", [join(made.path, "../record.json")]);
  mkdirSync(join(root, "build/mounts/.new-1234/files"), { recursive: true });
  const again = await openCacheMounts({ root });
  await using anew = await again.open(cache(), null, signal);
  expect(anew.path).toBe(made.path);
  expect(readdirSync(join(root, "build/mounts"))).toHaveLength(1);
});

it("lists caches with their sizes, and removes those that nobody uses", async () => {
  const { root, caches } = await openScene();
  const used = await caches.open(cache(), null, signal);
  writeFileSync(join(used.path, "big"), Buffer.alloc(1024 * 1024, 1));
  const [record] = await listCacheMounts(root);
  expect(record).toMatchObject({ type: "exec.cachemount", description: "cached mount /root/.cache", inUse: true });
  expect(record?.size).toBeGreaterThanOrEqual(1024 * 1024);
  expect(await removeCacheMount(root, record?.id ?? "")).toBeNull();
  await used[Symbol.asyncDispose]();
  expect((await listCacheMounts(root))[0]).toMatchObject({ inUse: false, usageCount: 1 });
  expect(await removeCacheMount(root, record?.id ?? "")).toBeGreaterThanOrEqual(1024 * 1024);
  expect(await removeCacheMount(root, record?.id ?? "")).toBeNull();
  expect(await removeCacheMount(root, "../..")).toBeNull();
  expect(await listCacheMounts(root)).toEqual([]);
});

it("is seen and filled by a build's commands", async () => {
  await using scene = await openStepScene();
  const caches = await openCacheMounts({ root: scene.config.root });
  for (const expected of ["", "1\n", "1\n1\n"]) {
    await using made = await caches.open(cache({ mode: 0o777 }), null, signal);
    const mounts = [{ type: "bind", source: made.path, target: "/root/.cache", readOnly: false } as const];
    const { out } = await scene.run("cat /root/.cache/count 2>/dev/null; echo 1 >> /root/.cache/count", { mounts });
    expect(out).toBe(expected);
  }
});
