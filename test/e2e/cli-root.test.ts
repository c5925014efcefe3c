/** A command that has to become root does it through sudo, and must mean the same there. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

const launcher = fileURLToPath(new URL("../../bin/gantry", import.meta.url));
const nobody = 65534;
let engine: TestEngine;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  directory = mkdtempSync(join(tmpdir(), "gantry-test-"));
  chmodSync(directory, 0o777);
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** Plays a program that makes others root: writes down how it was called, and with what in its environment. */
function installPlayer(name: string): void {
  const script = `#!/bin/sh\nprintf '%s\\0' "$@" > ${directory}/args\nprintf %s "$GANTRY_CALLER_ENVIRONMENT" > ${directory}/variables\n`;
  writeFileSync(join(directory, name), script, { mode: 0o755 });
}

function runAsNobody(args: readonly string[]) {
  const env = { PATH: `${directory}:/usr/bin:/bin`, COLOUR: "red\nand blue", HOME: "/nowhere", HIDDEN: "secret" };
  const all = ["--root", engine.config.root, "--run", engine.config.run, ...args];
  return spawnSync(launcher, all, { env, uid: nobody, gid: nobody, cwd: "/", encoding: "utf8" });
}

const command = ["run", "--rm", "-e", "COLOUR", "-e", "HOME", "-e", "HIDDEN=no", starterImage, "env"];

it("passes on the variables that are asked for by name, and no others, without showing them", () => {
  installPlayer("sudo");
  expect(runAsNobody(command)).toMatchObject({ status: 0, stderr: "" });
  const args = readFileSync(join(directory, "args"), "utf8").split("\0").slice(0, -1);
  expect(args[0]).toBe("--preserve-env=GANTRY_CALLER_ENVIRONMENT");
  expect(args.join(" ")).not.toContain("red");
  const variables = readFileSync(join(directory, "variables"), "utf8");
  expect(JSON.parse(variables)).toEqual({ COLOUR: "red\nand blue", HOME: "/nowhere" });

  const [program = "", ...rest] = args.slice(2);
  const env = { PATH: "/usr/bin:/bin", HOME: "/root", GANTRY_CALLER_ENVIRONMENT: variables };
  const { stdout } = spawnSync(program, rest, { env, encoding: "utf8" });
  expect(stdout).toContain("COLOUR=red\nand blue\n");
  expect(stdout).toContain("HOME=/nowhere\n");
  expect(stdout).toContain("HIDDEN=no\n");
});

it("passes on nothing where nothing is asked for", () => {
  installPlayer("sudo");
  expect(runAsNobody(["ps"])).toMatchObject({ status: 0 });
  expect(readFileSync(join(directory, "args"), "utf8")).toMatch(/^--\0/);
  expect(readFileSync(join(directory, "variables"), "utf8")).toBe("");
});

it("refuses to lose them where doas is all there is", () => {
  rmSync(join(directory, "sudo"), { force: true });
  installPlayer("doas");
  const result = runAsNobody(command);
  expect(result).toMatchObject({ status: 125, stdout: "" });
  expect(result.stderr).toContain("doas does not pass on COLOUR, HOME");
  expect(runAsNobody(["ps"])).toMatchObject({ status: 0 });
});
