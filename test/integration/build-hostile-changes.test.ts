import { renameSync, statSync, writeFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { type CopyScene, copyScene, plainWish } from "../support/copy-scene.ts";

/** What came of a copy of `d` whose files are changed between the digest and the copy. */
async function copyAfter(scene: CopyScene, change: () => unknown, wish = {}): Promise<string> {
  const whole = { ...plainWish, sources: ["d"], target: "/t", ...wish };
  const { stamp } = await scene.digest(whole);
  await change();
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  const work = { signal: AbortSignal.timeout(20_000), stamp };
  return scene.copier.copy(tree, whole, scene.rootfs, work).then(
    () => "copied",
    ({ message }) => message,
  );
}

const changed = /was changed while it was read$/;
const files = { "d/a": "one", "d/sub/b": "two" };

it.each([
  ["a byte, with the same size and time", "touch -r d/a /tmp/$$; printf eno >d/a; touch -r /tmp/$$ d/a; rm /tmp/$$"],
  ["a mode", "chmod 600 d/a"],
  ["a name", "mv d/a d/z"],
  ["where a link leads", "ln -sfn b d/link"],
  ["the name of a directory", "mv d/sub d/bus"],
  ["the mode of a directory", "chmod 700 d/sub"],
  ["a directory more", "mkdir d/more"],
  ["a directory less", "rmdir d/empty"],
])("is seen where it is changed after it was hashed: %s", async (_what, script) => {
  await using scene = await copyScene(files);
  scene.sh("ln -s a d/link; mkdir d/empty");
  expect(await copyAfter(scene, () => scene.sh(script))).toMatch(changed);
});

it("is read no sooner than a later change is told from the last one", async () => {
  await using scene = await copyScene(files);
  await scene.digest({ sources: ["d"] });
  writeFileSync(`${scene.context}/d/a`, "new");
  await scene.digest({ sources: ["d"] });
  expect(Date.now() - statSync(`${scene.context}/d/a`).ctimeMs).toBeGreaterThanOrEqual(11);
});

it("is not minded where nobody copies it", async () => {
  await using scene = await copyScene(files);
  expect(await copyAfter(scene, () => scene.sh("touch d/log"), { excludes: ["log"] })).toBe("copied");
});

it("is seen where a file is changed while it is copied", async () => {
  await using scene = await copyScene();
  scene.sh("mkdir d; head -c 400000000 /dev/urandom >d/large");
  const wish = { ...plainWish, sources: ["d"], target: "/t" };
  const { stamp } = await scene.digest(wish);
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  const copied = scene.copier
    .copy(tree, wish, scene.rootfs, { signal: AbortSignal.timeout(30_000), stamp })
    .catch((error: unknown) => error);
  const sizeNow = () => statSync(`${scene.rootfs}/t/large`, { throwIfNoEntry: false }) !== undefined;
  while (!sizeNow()) await nextTurn();
  writeFileSync(`${scene.context}/d/large`, "x", { flag: "r+" });
  expect(await copied).toMatchObject({ message: expect.stringMatching(changed) });
}, 40_000);

it("is seen where an archive is changed while it is unpacked", async () => {
  await using scene = await copyScene();
  scene.sh("mkdir d; head -c 200000000 /dev/urandom >d/large; tar cf a.tar d");
  const wish = { ...plainWish, sources: ["a.tar"], target: "/t/", unpack: true };
  const { stamp } = await scene.digest(wish);
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  const copied = scene.copier
    .copy(tree, wish, scene.rootfs, { signal: AbortSignal.timeout(30_000), stamp })
    .catch((error: unknown) => error);
  while (statSync(`${scene.rootfs}/t/d`, { throwIfNoEntry: false }) === undefined) await nextTurn();
  writeFileSync(`${scene.context}/a.tar`, "d", { flag: "r+" });
  expect(await copied).toMatchObject({ message: expect.stringMatching(changed) });
}, 40_000);

it("is copied as it was hashed where it bears another name meanwhile", async () => {
  await using scene = await copyScene(files);
  const outcome = await copyAfter(scene, () => {
    renameSync(`${scene.context}/d`, `${scene.context}/e`);
    renameSync(`${scene.context}/e`, `${scene.context}/d`);
  });
  expect(outcome).toBe("copied");
});
