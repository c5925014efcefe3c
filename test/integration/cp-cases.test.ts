/** What `cp` makes of paths, case by case as docker 28's command line and a dockerd beside ours do. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { copyIn } from "../../src/client/upload.ts";
import { createContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { copyOut, listingOf } from "../support/tar-listing.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;
let container: string;

const tree = `
  mkdir -p dir/sub exist; echo a > dir/a; echo b > dir/sub/b; echo new > file; echo old > oldfile
  ln -s file link; ln -s dir dlink; ln -s nowhere dangling; ln -s exist elink; ln -s oldfile flink; ln -s nowhere nlink`;

/** The same tree here and in the container's /t; what a case changes in it is what it is about. */
const untouched = [
  "dangling -> nowhere",
  "dir/",
  "dir/a = a",
  "dir/sub/",
  "dir/sub/b = b",
  "dlink -> dir",
  "elink -> exist",
  "exist/",
  "file = new",
  "flink -> oldfile",
  "link -> file",
  "nlink -> nowhere",
  "oldfile = old",
];

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = await mkdtemp("/tmp/gantry-test-");
  container = await createContainer(engine, { name: "box" });
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

let runs = 0;
let work: string;
/** The container's directory of this case. */
let inside: string;

beforeEach(async () => {
  work = join(directory, `t${runs}`);
  inside = `/t${runs++}`;
  execFileSync("sh", ["-ec", `mkdir ${work}; cd ${work}; ${tree}`]);
  const tar = execFileSync("tar", ["-C", directory, "-c", work.slice(directory.length + 1)]);
  const fields = { container, path: "/", keepOwner: false, noOverwriteDirNonDir: true };
  await copyIn(
    engine.client,
    (async function* () {
      yield tar;
    })(),
    fields,
  );
});

function changesOf(listing: readonly string[], top: string): string[] {
  const own = listing.filter((line) => line !== top).map((line) => line.replaceAll(top, ""));
  const gone = untouched.filter((line) => !own.includes(line)).map((line) => `- ${line}`);
  return [...gone, ...own.filter((line) => !untouched.includes(line))];
}

async function inContainer(): Promise<string[]> {
  return changesOf(await listingOf(await copyOut(engine, container, inside)), `${inside.slice(1)}/`);
}

async function here(): Promise<string[]> {
  const tar = execFileSync("tar", ["-C", work, "-c", "."]);
  return changesOf(await listingOf(tar), "./");
}

async function cp(...args: string[]) {
  const { code, stdout, stderr } = await gantry(["cp", ...args.map((arg) => arg.replace("C:", `box:${inside}`))], {
    cwd: work,
  });
  return {
    code,
    stdout,
    failure: stderr.split("\n")[0]?.replace("gantry: ", "").replaceAll(work, "").replaceAll(inside, ""),
  };
}

describe("into a container", () => {
  it.each<[string[], string[]]>([
    [["file", "C:/exist"], ["exist/file = new"]],
    [["file", "C:/exist/"], ["exist/file = new"]],
    [["file", "C:/made"], ["made = new"]],
    [
      ["file", "C:/oldfile"],
      ["- oldfile = old", "oldfile = new"],
    ],
    [["file", "C:/elink"], ["exist/file = new"]],
    [
      ["file", "C:/flink"],
      ["- oldfile = old", "oldfile = new"],
    ],
    [["file", "C:/nlink"], ["nowhere = new"]],
    [
      ["dir", "C:/exist"],
      ["exist/dir/", "exist/dir/a = a", "exist/dir/sub/", "exist/dir/sub/b = b"],
    ],
    [
      ["dir", "C:/made"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [
      ["dir/", "C:/made/"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [
      ["dir/.", "C:/exist"],
      ["exist/a = a", "exist/sub/", "exist/sub/b = b"],
    ],
    [
      ["dir/.", "C:/made"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [["link", "C:/exist"], ["exist/link -> file"]],
    [["-L", "link", "C:/exist"], ["exist/link = new"]],
    [["-L", "link", "C:/made"], ["made = new"]],
    [["dlink", "C:/exist"], ["exist/dlink -> dir"]],
    [
      ["dlink/.", "C:/exist"],
      ["exist/a = a", "exist/sub/", "exist/sub/b = b"],
    ],
    [
      ["-L", "dlink", "C:/exist"],
      ["exist/dlink/", "exist/dlink/a = a", "exist/dlink/sub/", "exist/dlink/sub/b = b"],
    ],
    [["dangling", "C:/exist"], ["exist/dangling -> nowhere"]],
    [["-a", "file", "C:/exist/../made"], ["made = new"]],
  ])("cp %j", async (args, made) => {
    expect(await cp(...args)).toEqual({ code: 0, stdout: "", failure: "" });
    expect(await inContainer()).toEqual(made);
  });

  it.each<[string[], string]>([
    [["file", "C:/made/"], "no such directory"],
    [["file", "C:/none/made"], "could not find the file /none in container box"],
    [["dir", "C:/oldfile"], "cannot copy directory"],
    [["file", "C:/exist/../dir/sub/.."], ""],
    [["none", "C:/exist"], "lstat /none: no such file or directory"],
    [["file", "gone:/"], "no such container: gone"],
    [["file", "made"], "must specify at least one container source"],
    [["C:/a", "C:/b"], "copying between containers is not supported"],
    [["-", "C:/oldfile"], 'destination "box:/oldfile" must be a directory'],
    [["file", "C:/dir/file/x"], "could not find the file /dir/file in container box"],
  ])("cp %j fails", async (args, failure) => {
    const result = await cp(...args);
    expect(result).toEqual({ code: failure === "" ? 0 : 1, stdout: "", failure });
    if (failure !== "") expect(await inContainer()).toEqual([]);
  });

  it("never puts a file in the place of a directory, nor the other way round", async () => {
    execFileSync("sh", ["-c", "mkdir up; mkdir up/oldfile; echo x > up/dir"], { cwd: work });
    expect((await cp("up/.", "C:/")).failure).toContain("cannot overwrite directory /dir with non-directory");
    execFileSync("rm", ["up/dir"], { cwd: work });
    expect((await cp("up/.", "C:/")).failure).toContain("cannot overwrite non-directory /oldfile with directory");
    expect(await inContainer()).toEqual([]);
  });

  it("takes a tar from stdin, compressed or not", async () => {
    const script = `tar -cz dir | "$0" cp - box:${inside}/exist && tar -c file | "$0" cp - box:${inside}/exist/`;
    const env = { ...process.env, GANTRY_ROOT: engine.config.root, GANTRY_RUN: engine.config.run };
    execFileSync("sh", ["-ec", script, join(import.meta.dirname, "../../bin/gantry")], { cwd: work, env });
    expect(await inContainer()).toEqual([
      "exist/dir/",
      "exist/dir/a = a",
      "exist/dir/sub/",
      "exist/dir/sub/b = b",
      "exist/file = new",
    ]);
  });
});

describe("out of a container", () => {
  it.each<[string[], string[]]>([
    [["C:/file", "exist"], ["exist/file = new"]],
    [["C:/file", "made"], ["made = new"]],
    [
      ["C:/file", "oldfile"],
      ["- oldfile = old", "oldfile = new"],
    ],
    [["C:/file", "elink"], ["exist/file = new"]],
    [
      ["C:/file", "flink"],
      ["- oldfile = old", "oldfile = new"],
    ],
    [["C:/file", "nlink"], ["nowhere = new"]],
    [
      ["C:/dir", "exist"],
      ["exist/dir/", "exist/dir/a = a", "exist/dir/sub/", "exist/dir/sub/b = b"],
    ],
    [
      ["C:/dir", "made"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [
      ["C:/dir/.", "exist"],
      ["exist/a = a", "exist/sub/", "exist/sub/b = b"],
    ],
    [
      ["C:/dir/.", "made"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [["C:/dlink", "exist"], ["exist/dlink -> dir"]],
    [
      ["C:/dlink/", "exist"],
      ["exist/dlink/", "exist/dlink/a = a", "exist/dlink/sub/", "exist/dlink/sub/b = b"],
    ],
    [
      ["-L", "C:/dlink", "made"],
      ["made/", "made/a = a", "made/sub/", "made/sub/b = b"],
    ],
    [["-L", "C:/link", "exist"], ["exist/link = new"]],
    [["C:/dangling", "exist"], ["exist/dangling -> nowhere"]],
  ])("cp %j", async (args, made) => {
    expect(await cp(...args)).toEqual({ code: 0, stdout: "", failure: "" });
    expect(await here()).toEqual(made);
  });

  it.each<[string[], string]>([
    [["C:/none", "exist"], "could not find the file /none in container box"],
    [["C:/file", "made/"], "no such directory"],
    [["C:/file", "none/made"], 'invalid output path: directory "/none" does not exist'],
    [["C:/dir", "oldfile"], "cannot copy directory"],
    [["C:/file/", "exist"], "lstat /file/: not a directory"],
    [["-L", "C:/dangling", "exist"], "could not find the file /nowhere in container box"],
    [["C:/dlink/", "."], 'cannot overwrite non-directory "/dlink" with directory ""'],
  ])("cp %j fails", async (args, failure) => {
    expect(await cp(...args)).toEqual({ code: 1, stdout: "", failure });
    expect(await here()).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["C:/dir", ["dir/", "dir/a = a", "dir/sub/", "dir/sub/b = b"]],
    ["C:/dir/.", ["./", "./a = a", "./sub/", "./sub/b = b"]],
    ["C:/dlink", ["dlink -> dir"]],
    ["C:/dlink/", ["dlink/", "dlink/a = a", "dlink/sub/", "dlink/sub/b = b"]],
    ["C:/file", ["file = new"]],
  ])("cp %s - prints a tar", async (source, listing) => {
    const { code, stdout } = await cp(source, "-");
    expect(code).toBe(0);
    expect(await listingOf(Buffer.from(stdout))).toEqual(listing);
  });
});

it("says how much it copied where somebody looks, in docker's words", async () => {
  const say = async (...args: string[]) => (await cp("--quiet=false", ...args)).failure;
  expect(await say("file", "C:/exist")).toBe("Successfully copied 2.05kB to box:/exist");
  expect(await say("C:/file", "made")).toBe("Successfully copied 2.05kB to /made");
});
