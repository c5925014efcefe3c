/** `gantry layers` as a user types it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { tarOf } from "../support/images-tar.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let engine: TestEngine;
let directory: TempRoot;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  [engine, directory] = await Promise.all([startTestEngine(), tempRoot()]);
  gantry = gantryFor(engine.config);
  const layers = [
    [
      ["etc/motd", "one\n"],
      ["etc/gone", "0123456789"],
    ],
    [
      ["etc/motd", "number two\n"],
      ["etc/.wh.gone", ""],
      ["srv/esc\x1b[31m", "red"],
    ],
  ] as const;
  const archive = directory.join("image.tar");
  writeFileSync(archive, await tarOf(await dockerArchive(layers, "example:1")));
  expect((await gantry(["load", "-q", "-i", archive])).code).toBe(0);
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

it("lists what is in a layer, and in the sum", async () => {
  const changes = await gantry([
    "layers",
    "example:1",
    "--changed",
    "--format",
    "{{.Change}} {{.Path}} {{.Bytes}} {{.Layer}}",
  ]);
  expect(changes).toEqual({
    code: 0,
    stdout: [
      "modified /etc 11 1",
      "removed /etc/gone 10 0",
      "modified /etc/motd 11 1",
      "added /srv 3 1",
      "added /srv/esc 3 1",
      "",
    ].join("\n"),
    stderr: "",
  });
  const first = await gantry(["layers", "example:1", "/etc", "--layer", "0", "--sort", "size"]);
  expect(first.stdout.split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
    ["CHANGE", "SIZE", "MODE", "OWNER", "LAYER", "PATH"],
    ["added", "10B", "-rw-r--r--", "0:0", "0", "/etc/gone"],
    ["added", "4B", "-rw-r--r--", "0:0", "0", "/etc/motd"],
    [""],
  ]);
  const json = await gantry(["layers", "example:1", "/etc/motd", "--format", "json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ path: "/etc/motd", size: 11, change: "modified" });
  const some = await gantry(["layers", "example:1", "-R", "--limit", "2"]);
  expect(some.stderr).toMatch(/^warning: \d+ more are not shown: see --limit\n$/);
});

it("fails below an efficiency, as dive does for continuous integration", async () => {
  const waste = ["layers", "--waste", "example:1"];
  const told = await gantry(waste);
  expect(told.code).toBe(0);
  expect(told.stdout).toBe(
    "efficiency: 25 %\nwasted: 14B of 28B\nWASTED    LAYERS    PATH\n10B       2         /etc/gone\n4B        2         /etc/motd\n",
  );
  expect((await gantry([...waste, "--lowest-efficiency", "0.25"])).code).toBe(0);
  expect(await gantry([...waste, "--lowest-efficiency", "0.9", "--format", "json"])).toMatchObject({
    code: 1,
    stderr: "gantry: efficiency 25 % is lower than 90 %\n",
  });
  expect((await gantry([...waste, "--lowest-efficiency", "90"])).code).toBe(125);
});

it("compares, and writes archives", async () => {
  const compared = await gantry(["layers", "--compare", "example:1", starterImage, "--filter", "etc/motd"]);
  expect(compared.stdout).toContain(`layers: 0 shared, 2 of example:1 only, 1 of ${starterImage} only\n`);
  expect(compared.stdout).toMatch(/removed {3}11B +- +\/etc\/motd\n/);
  const archive = directory.join("etc.tar");
  expect(await gantry(["layers", "example:1", "/etc", "-o", archive])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(execFileSync("tar", ["-tf", archive], { encoding: "utf8" })).toBe("etc/\netc/motd\n");
});

it("says what is wrong", async () => {
  expect((await gantry(["layers", "nobody"])).stderr).toBe(
    "gantry: no container and no image is called nobody\nhint: see: gantry ps --all, gantry images\n",
  );
  expect((await gantry(["layers", "example:1", "/nothing"])).stderr).toBe(
    "gantry: files of example:1: /nothing not found\n",
  );
  expect(await gantry(["layers", "example:1", "--layer", "2"])).toMatchObject({
    code: 1,
    stderr: "gantry: files of example:1: layer 2 does not exist: there are 2, counted from 0\n",
  });
});
