import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";

const home = fileURLToPath(new URL("../..", import.meta.url));
const launcher = join(home, "bin/gantry");
const made: string[] = [];

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "gs-"));
  made.push(directory);
  return directory;
}

/** The command line of a command that has found an engine in the directory it was started in. */
async function commandLineOf(program: string, args: readonly string[]): Promise<string[]> {
  const run = scratch();
  const { promise: connected, resolve } = Promise.withResolvers<Socket>();
  await using server = createServer(resolve).listen(join(run, "gantry.sock"));
  await once(server, "listening");
  const child = spawn(program, ["--run", ".", ...args], { cwd: run, stdio: "ignore" });
  try {
    await connected;
    return readFileSync(`/proc/${child.pid}/cmdline`, "utf8").split("\0");
  } finally {
    (await connected).destroy();
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

it("starts the common verbs from a snapshot", async () => {
  expect(await commandLineOf(launcher, ["ps"])).toContain(join(home, "dist/cli.blob"));
});

it("does without a snapshot that another Node made", async () => {
  const copy = scratch();
  mkdirSync(join(copy, "bin"));
  mkdirSync(join(copy, "dist"));
  copyFileSync(launcher, join(copy, "bin/gantry"));
  for (const name of ["cli.blob", "cli.cjs", "gantry.cjs"]) cpSync(join(home, "dist", name), join(copy, "dist", name));
  symlinkSync(process.execPath, join(copy, "dist/node"));
  symlinkSync("/bin/true", join(copy, "dist/cli.node"));
  expect(await commandLineOf(join(copy, "bin/gantry"), ["ps"])).not.toContain(join(copy, "dist/cli.blob"));
});

it("leaves the other verbs, help and wrong flags to the whole program", () => {
  const run = (...args: string[]) => spawnSync(launcher, args, { encoding: "utf8" });
  expect(run("--version").stdout).toMatch(/^gantry \d/);
  expect(run("help", "run").stdout).toContain("gantry run");
  expect(run("image", "--help").stdout).toContain("import");
  expect(run("--no-such-flag", "ps")).toMatchObject({ status: 125, stdout: "" });
  expect(run("no-such-verb").stderr).toContain('unknown command "no-such-verb"');
});
