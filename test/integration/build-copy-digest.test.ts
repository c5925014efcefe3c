import { renameSync } from "node:fs";
import { expect, it } from "vitest";
import { copyScene, plainWish } from "../support/copy-scene.ts";

const files = { "d/a": "a", "d/s/b": "b", other: "o" };

it("is the same wherever and whenever the files lie", async () => {
  await using one = await copyScene(files);
  await using two = await copyScene({ ...files, other: "changed", more: "m" });
  two.sh("touch -d @5 d/a d/s d; chown 7:8 d/a; chmod 700 d; mv d/a x; cp x d/a; rm x; touch -d @77 d/s/b");
  const wish = { sources: ["d"], target: "/x" };
  const first = await one.digest(wish);
  expect(first).toMatchObject({ files: 2, bytes: 2 });
  expect((await two.digest({ ...wish, target: "/y" })).digest).toBe(first.digest);
  expect((await two.digest(wish, { keepsOwners: true })).digest).not.toBe(first.digest);
  expect((await two.digest({ ...wish, chown: "1" }, { keepsOwners: true })).digest).toBe(first.digest);
});

it.each([
  ["content", "printf A >d/a"],
  ["a mode", "chmod 600 d/a"],
  ["a directory's mode", "chmod 700 d/s"],
  ["a new file", "touch d/n"],
  ["a new directory", "mkdir d/n"],
  ["a name", "mv d/a d/aa"],
  ["a link's target", "ln -sfn b l; cp -P l d/a"],
  ["files that are one", "ln -f d/a d/s/b"],
  ["an attribute", `python3 -c 'import os;os.setxattr("d/a","user.x",b"1")'`],
  ["a type", "rm d/a; mkfifo d/a"],
  ["where a name ends", "mv d/s/b d/sb; rmdir d/s"],
])("changes with %s", async (_, script) => {
  await using scene = await copyScene(files);
  const before = await scene.digest({ sources: ["d"] });
  scene.sh(script);
  expect((await scene.digest({ sources: ["d"] })).digest).not.toBe(before.digest);
});

it("is of what is read and nothing else", async () => {
  await using scene = await copyScene(files);
  const digest = async (sources: string[], ignore: string[] | null = null) =>
    (await scene.digest({ sources }, { ignore })).digest;
  const before = [await digest(["d"]), await digest(["."], ["other"]), await digest(["d/*"])];
  scene.sh("printf changed >other; chmod 700 d");
  const after = [await digest(["d"]), await digest(["."], ["other"]), await digest(["d/*"])];
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  expect(after[2]).toBe(before[2]);
  scene.sh("mv d/a d/z");
  expect(await digest(["d/?"])).not.toBe(before[2]);
});

it("counts what is written in the Dockerfile, and what was fetched", async () => {
  await using scene = await copyScene({ fetched: "x" });
  const text = { name: "n", content: { text: "t" }, modifiedAt: null, mode: 0o644 };
  const path = { ...text, content: { path: `${scene.context}/fetched` } };
  const wish = (file: object) => ({ ...plainWish, files: [{ ...text, ...file }] });
  const work = { signal: AbortSignal.timeout(10_000) };
  const digest = async (file: object) => (await scene.copier.digest(null, wish(file), work)).digest;
  const all = [text, { content: { text: "u" } }, { name: "m" }, { mode: 0o600 }, path];
  const digests = [...(await Promise.all(all.map(digest)))];
  expect(new Set(digests).size).toBe(all.length);
  expect(await digest({ modifiedAt: 5 })).toBe(digests[0]);
  scene.sh("printf y >fetched");
  expect(await digest(path)).not.toBe(digests[4]);
});

it("lets a copy see that it copies something else", async () => {
  await using scene = await copyScene(files);
  const wish = { ...plainWish, sources: ["d"], target: "/t" };
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  const copy = (stamp: string) =>
    scene.copier.copy(tree, wish, scene.rootfs, { signal: AbortSignal.timeout(10_000), stamp });
  const { stamp } = await scene.digest(wish);
  await copy(stamp);
  scene.sh("printf b >d/a; touch -d @1 d/a");
  await expect(copy(stamp)).rejects.toMatchObject({ code: "failed-precondition" });
  const again = (await scene.digest(wish)).stamp;
  renameSync(`${scene.context}/d/a`, `${scene.context}/d/c`);
  await expect(copy(again)).rejects.toThrow("was changed while it was read");
});

it("ends in the middle of many files", async () => {
  await using scene = await copyScene();
  scene.sh("mkdir d; cd d; seq 20000 | xargs touch");
  const abort = new AbortController();
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  let seen = 0;
  const onProgress = (count: number) => {
    seen = count;
    abort.abort();
  };
  const work = { signal: abort.signal, onProgress };
  await expect(scene.copier.copy(tree, { ...plainWish, sources: ["d"] }, scene.rootfs, work)).rejects.toMatchObject({
    code: "cancelled",
  });
  expect(seen).toBeGreaterThan(0);
  expect(Number(scene.sh("ls $R | wc -l"))).toBeLessThan(20_000);
});
