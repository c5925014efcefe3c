import { existsSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { copyScene } from "../support/copy-scene.ts";

const listing = "cd $R; find . -mindepth 1 -type f -printf '%P ' | xargs -n1 | sort | xargs";
const files = {
  "a.txt": "a",
  "b.txt": "b",
  "c.md": "c",
  "dir/x.txt": "x",
  "dir/s/y.txt": "y",
  "dig/z": "z",
  "[q]": "q",
};

it.each([
  [["*.txt"], "a.txt b.txt"],
  [["?.*"], "a.txt b.txt c.md"],
  [["[ab].txt"], "a.txt b.txt"],
  [["[^a].txt"], "b.txt"],
  [["d*"], "s/y.txt x.txt z"],
  [["d*/*.txt"], "x.txt"],
  [["dir/*"], "x.txt y.txt"],
  [["*/*/*"], "y.txt"],
  [["[[]q]"], "[q]"],
  [["[q]", "\\[q*"], "[q]"],
  [["no*"], ""],
  [["../../a.txt", "/b.txt", "./dir/../c.md"], "a.txt b.txt c.md"],
  [["."], "[q] a.txt b.txt c.md dig/z dir/s/y.txt dir/x.txt"],
])("copies %j", async (sources, expected) => {
  await using scene = await copyScene(files);
  await scene.copy({ sources, target: "/" });
  expect(scene.sh(listing).trim()).toBe(expected);
});

it("follows links that are named, within the context only", async () => {
  await using scene = await copyScene({ "d/real/f": "f", outside: "inside" });
  scene.sh(
    `ln -s d/real short; ln -s /d/real/f abs; ln -s ${scene.root.path}/secret evil; ln -s ../../../../outside up; echo s >../secret`,
  );
  await scene.copy({ sources: ["short"], target: "/t" });
  await scene.copy({ sources: ["abs", "up"], target: "/" });
  await scene.copy({ sources: ["sh*/f"], target: "/u" });
  await scene.copy({ sources: ["sho*"], target: "/v" });
  expect(scene.sh(`${listing}; cat $R/up`)).toBe("abs t/f up v/f\ninside");
  await expect(scene.copy({ sources: ["evil"], target: "/" })).rejects.toThrow('"/evil": not found');
  await expect(scene.copy({ sources: ["ev*"], target: "/" })).rejects.toThrow('"/evil": not found');
});

it.each([
  [["dir"], ["."], "[q] a.txt b.txt c.md dig/z"],
  [["dir", "!dir/s"], ["."], "[q] a.txt b.txt c.md dig/z dir/s/y.txt"],
  [["*", "!dir/x.txt"], ["."], "dir/x.txt"],
  [["*", "!dir"], ["dir"], "s/y.txt x.txt"],
  [["**/*.txt", "!**/y.txt"], ["."], "[q] c.md dig/z dir/s/y.txt"],
  [["dir/s"], ["dir"], "x.txt"],
  [["a.txt"], ["*.txt"], "b.txt"],
  [["dir/", "dig"], ["d*"], ""],
  [["**"], ["."], ""],
])("leaves out what %j names of %j", async (ignore, sources, expected) => {
  await using scene = await copyScene(files);
  await scene.copy({ sources, target: "/" }, { ignore });
  expect(scene.sh(listing).trim()).toBe(expected);
});

it("does not find what is ignored", async () => {
  await using scene = await copyScene(files);
  scene.sh("ln -s dir/x.txt link");
  const copy = (source: string, ignore: string[]) => scene.copy({ sources: [source], target: "/" }, { ignore });
  await expect(copy("a.txt", ["a.txt"])).rejects.toThrow('"/a.txt": not found');
  await expect(copy("dir/s/y.txt", ["dir"])).rejects.toThrow('"/dir/s/y.txt": not found');
  await expect(copy("link", ["dir"])).rejects.toThrow('"/link": not found');
  await expect(copy("link", ["link"])).rejects.toThrow('"/link": not found');
  await expect(copy("dir", ["dir", "!dir/nope"])).rejects.toThrow('"/dir": not found');
  await copy("dir", ["dir", "!dir/x*"]);
});

it.each([
  [["dir/s/y.txt"], "dir/s/y.txt"],
  [["dir/./s/y.txt", "a.txt"], "a.txt s/y.txt"],
  [["**/*.txt"], "a.txt b.txt dir/s/y.txt dir/x.txt"],
  [["dir/./**/y.txt"], "s/y.txt"],
  [["./dir"], "dir/s/y.txt dir/x.txt"],
  [["d*/./s"], "s/y.txt"],
])("keeps parents of %j", async (sources, expected) => {
  await using scene = await copyScene(files);
  scene.sh("chmod 711 dir");
  await scene.copy({ sources, target: "/", parents: true });
  expect(scene.sh(listing).trim()).toBe(expected);
  if (existsSync(`${scene.rootfs}/dir`)) expect(scene.sh("stat -c %a $R/dir")).toBe("711\n");
  await expect(scene.copy({ sources: ["dir/nope"], target: "/", parents: true })).rejects.toThrow(
    '"/dir/nope": not found',
  );
});

it.each([
  [["*.txt"], ["."], "[q] c.md dig/z dir/s/y.txt dir/x.txt"],
  [["**/*.txt", "!dir/x.txt"], ["."], "[q] c.md dig/z dir/x.txt"],
  [["s"], ["dir"], "x.txt"],
  [["*"], ["d*"], ""],
])("excludes %j from %j", async (excludes, sources, expected) => {
  await using scene = await copyScene(files);
  await scene.copy({ sources, target: "/", excludes });
  expect(scene.sh(listing).trim()).toBe(expected);
});

it("keeps names that are no text, and files with holes and of many sizes", async () => {
  await using scene = await copyScene();
  scene.sh(
    `touch $'d\\xff' $'new\\nline' ' '; truncate -s 3M hole; head -c 262145 /dev/urandom >a; head -c 5000001 /dev/urandom >b; touch empty`,
  );
  await scene.copy({ sources: ["."], target: "/t" });
  expect(scene.sh("diff -r . $R/t && ls $R/t | wc -l")).toBe("8\n");
});

it("copies more links than a process may have files open", async () => {
  await using scene = await copyScene({ "d/target": "x" });
  scene.sh("mkdir links; cd links; for i in $(seq 3000); do ln -s ../d/target l$i; done");
  const limit = Number(scene.sh("ulimit -n"));
  scene.sh(`prlimit --pid ${process.pid} --nofile=1000:`);
  try {
    await scene.copy({ sources: ["links/*"], target: "/t/" });
  } finally {
    scene.sh(`prlimit --pid ${process.pid} --nofile=${limit}:`);
  }
  expect(scene.sh("ls $R/t | wc -l")).toBe("3000\n");
});

it("is never led out of the context by somebody who changes it", async () => {
  await using scene = await copyScene(
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d/s/f${i}`, "inside"])),
  );
  scene.sh("mkdir ../outside; for i in $(seq 300); do echo secret >../outside/f$i; done");
  const { context } = scene;
  let isOver = false;
  const swapping = (async () => {
    while (!isOver) {
      renameSync(`${context}/d/s`, `${context}/d/away`);
      symlinkSync("../../outside", `${context}/d/s`);
      await sleep(0);
      rmSync(`${context}/d/s`);
      renameSync(`${context}/d/away`, `${context}/d/s`);
      await sleep(0);
    }
  })();
  try {
    for (let round = 0; round < 10; round++) {
      const target = `/t${round}`;
      await scene
        .copy({ sources: ["d/s"], target })
        .catch((error) => expect(error.message).toMatch(/not found|changed/));
      await scene.copy({ sources: ["d"], target: `${target}/d` });
      await scene.digest({ sources: ["d"] });
    }
  } finally {
    isOver = true;
    await swapping;
  }
  expect(scene.sh("grep -rl secret $R || true")).toBe("");
});
