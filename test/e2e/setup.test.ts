import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const home = join(import.meta.dirname, "../..");

function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), "gantry-setup-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function run(argv: readonly string[], options: { cwd?: string; path?: string } = {}) {
  const [program = "", ...args] = argv;
  const environment = { ...process.env, PATH: options.path ?? process.env.PATH };
  return spawnSync(program, args, { cwd: options.cwd ?? home, env: environment, encoding: "utf8" });
}

/** Runs the set-up in a mount namespace where a program of the host is hidden, so that the host itself stays whole. */
function setupWithout(program: string, path?: string) {
  const hide = `mount --bind /dev/null "$(command -v ${program})" && exec sh bin/setup`;
  return run(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", hide], path === undefined ? {} : { path });
}

it("says nothing and does nothing where all is there", () => {
  run(["sh", "bin/setup"]);
  const from = performance.now();
  const result = run(["sh", "bin/setup"]);
  console.log(`set-up with nothing to do: ${(performance.now() - from).toFixed(0)} ms`);
  expect(result).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

it("starts from any directory, through a symbolic link in a PATH directory", () => {
  const bin = join(scratch(), "bin");
  mkdirSync(bin);
  symlinkSync(join(home, "bin/gantry"), join(bin, "gantry"));
  const result = run(["gantry", "--version"], { cwd: "/", path: `${bin}:${process.env.PATH}` });
  expect(result).toMatchObject({ status: 0, stderr: "" });
  expect(result.stdout).toMatch(/^gantry \d+\.\d+\.\d+\n$/);
});

it("names the package it installs, and what to do when that did not help", () => {
  // The package is installed, so that the package manager has nothing to do, and the program stays hidden.
  const result = setupWithout("conmon");
  expect(result.stdout).toMatch(/^setup: installing host programs with \S+: conmon$/m);
  expect(result.stderr).toBe(
    "setup: still missing after the installation: conmon - install them by hand, then start again\n",
  );
  expect(result.status).toBe(1);
});

it("names the programs where it knows no package manager", () => {
  const bin = scratch();
  const tools = [
    "cat",
    "chmod",
    "cmp",
    "cp",
    "dirname",
    "env",
    "find",
    "grep",
    "head",
    "id",
    "mkdir",
    "mount",
    "mv",
    "rm",
    "sed",
    "sh",
    "tr",
  ];
  for (const name of [...tools, "conmon", "busybox", "tini", "ps", "ip", "nft", "runc", "crun"]) {
    const path = run(["sh", "-c", `command -v ${name} || ls /usr/sbin/${name}`]).stdout.trim();
    if (path !== "") symlinkSync(path, join(bin, name));
  }
  const result = setupWithout("conmon", bin);
  expect(result.stderr).toBe(
    "setup: no known package manager here; install these programs by hand, then start again: conmon\n",
  );
  expect(result.status).toBe(1);
});

it("says in one sentence that a checkout is not set up", () => {
  const copy = scratch();
  mkdirSync(join(copy, "bin"));
  run(["cp", join(home, "bin/gantry"), join(copy, "bin/gantry")]);
  const result = run([join(copy, "bin/gantry"), "ps"]);
  expect(result.status).toBe(125);
  expect(result.stderr).toBe(`gantry: not set up yet in ${copy}; run: cd ${copy} && npm run setup\n`);
});
