import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";
import { run } from "../support/images-archives.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

beforeEach(async () => {
  directory = await mkdtemp("/tmp/gantry-test-");
  return () => rm(directory, { recursive: true, force: true });
});

it("saves into a file that appears whole, and loads it again", async () => {
  const file = join(directory, "image.tar");
  writeFileSync(file, "an old archive");
  expect(await gantry(["save", "-o", file, starterImage])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(readdirSync(directory)).toEqual(["image.tar"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(run("skopeo", "inspect", `docker-archive:${file}`)).toContain('"Architecture": "amd64"');
  expect((await gantry(["load", "-q", "-i", file])).stdout).toBe(`Loaded image: ${starterImage}:latest\n`);

  const oci = join(directory, "link.tar");
  symlinkSync("behind.tar", oci);
  writeFileSync(join(directory, "behind.tar"), "");
  expect((await gantry(["image", "save", "--format", "oci-archive", "-o", oci, starterImage])).code).toBe(0);
  expect(run("skopeo", "inspect", `oci-archive:${join(directory, "behind.tar")}`)).toContain('"Os": "linux"');
  expect(readdirSync(directory).sort()).toEqual(["behind.tar", "image.tar", "link.tar"]);
});

it("writes to a pipe, and never to a terminal", async () => {
  const { stdout, code } = await gantry(["save", starterImage]);
  expect([code, stdout.slice(0, 6)]).toEqual([0, "blobs/"]);
  using terminal = new TerminalCommand(engine.config, ["save", starterImage]);
  expect(await terminal.ended).toBe(1);
  expect(terminal.output).toContain("cowardly refusing to save to a terminal");
});

it("leaves nothing where it fails", async () => {
  const file = join(directory, "image.tar");
  const failure = async (...args: string[]) => {
    const { code, stdout, stderr } = await gantry(["save", ...args]);
    expect([code, stdout]).toEqual([1, ""]);
    return stderr;
  };
  expect(await failure("-o", file, "nobody")).toContain("no such image: nobody");
  expect(await failure("-o", directory, starterImage)).toContain("is a directory");
  expect(await failure("-o", join(directory, "none", "x.tar"), starterImage)).toContain("does not exist");
  expect(await failure("--platform", "linux/s390x", "-o", file, starterImage)).toContain("not for linux/s390x");
  const unknown = await gantry(["save", "--format", "zip", "-o", file, starterImage]);
  expect([unknown.code, unknown.stderr.includes("docker-archive")]).toEqual([125, true]);
  expect(await failure("-o", "/dev/full", starterImage)).toContain("no space left");
  expect(readdirSync(directory)).toEqual([]);
});

it("leaves nothing where it is interrupted, but what was there before", async () => {
  const target = join(directory, "image.tar");
  writeFileSync(target, "an old archive");
  process.kill(engine.pid, "SIGSTOP");
  try {
    using saving = new TerminalCommand(engine.config, ["save", "-o", target, starterImage]);
    await expect.poll(() => readdirSync(directory).length).toBe(2);
    saving.signal("SIGINT");
    expect(await saving.ended).toBe(130);
  } finally {
    process.kill(engine.pid, "SIGCONT");
  }
  expect(readdirSync(directory)).toEqual(["image.tar"]);
  expect(readFileSync(target, "utf8")).toBe("an old archive");
});

it("follows no link that a stranger put into a directory open to all", async () => {
  const valuable = join(directory, "valuable");
  writeFileSync(valuable, "of the system");
  const open = join(directory, "open");
  mkdirSync(open);
  chmodSync(open, 0o1777);
  const trap = join(open, "image.tar");
  symlinkSync(valuable, trap);
  lchownSync(trap, 65534, 65534);
  const fifo = join(open, "fifo.tar");
  run("mkfifo", "-m", "666", fifo);
  chownSync(fifo, 65534, 65534);
  for (const path of [trap, fifo]) {
    const { code, stderr } = await gantry(["save", "-o", path, starterImage]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("was put there by another user (65534)")]);
  }
  expect(readFileSync(valuable, "utf8")).toBe("of the system");
  // His own file gives way, as with every program.
  const mine = join(open, "mine.tar");
  symlinkSync(valuable, mine);
  expect((await gantry(["save", "-o", mine, starterImage])).code).toBe(0);
  expect(run("skopeo", "inspect", `docker-archive:${valuable}`)).toContain('"Os": "linux"');
});
