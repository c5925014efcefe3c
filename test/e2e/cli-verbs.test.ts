import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createConfig } from "../../engine/config.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";
import { makeLayout, run } from "../support/images-archives.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

it("leads a container through its life", async () => {
  expect((await gantry(["create", "--name", "life", "-l", "tier=db", starterImage, "sleep", "100"])).code).toBe(0);
  expect((await gantry(["ps", "-aq", "--filter", "label=tier=db"])).stdout).toMatch(/^[0-9a-f]{12}\n$/);
  for (const verb of ["start", "pause", "unpause", "restart"]) {
    const args = verb === "restart" ? [verb, "-t", "0", "life"] : [verb, "life"];
    expect(await gantry(args)).toEqual({ code: 0, stdout: "life\n", stderr: "" });
  }
  expect((await gantry(["top", "life"])).stdout).toContain("sleep 100");
  expect((await gantry(["inspect", "-f", "{{.State.Status}} {{.Config.Labels.tier}}", "life"])).stdout).toBe(
    "running db\n",
  );
  await gantry(["exec", "life", "touch", "/made"]);
  expect((await gantry(["diff", "life"])).stdout).toContain("A /made\n");
  expect((await gantry(["rename", "life", "second"])).code).toBe(0);
  expect(await gantry(["kill", "-s", "KILL", "second"])).toMatchObject({ code: 0, stdout: "second\n" });
  expect((await gantry(["wait", "second"])).stdout).toBe("137\n");
  expect((await gantry(["container", "ls", "-a", "--format", "{{.Names}} {{.Status}}"])).stdout).toMatch(
    /^second Exited \(137\)/,
  );
  expect(await gantry(["rm", "second", "nobody"])).toMatchObject({ code: 1, stdout: "second\n" });
  expect((await gantry(["ps", "-aq"])).stdout).toBe("");
});

it("shows logs of both streams, parts of them, with times, and follows", async () => {
  await gantry(["run", "--name", "talk", starterImage, "sh", "-c", "for i in 1 2 3; do echo o$i; done; echo e >&2"]);
  expect(await gantry(["logs", "talk"])).toEqual({ code: 0, stdout: "o1\no2\no3\n", stderr: "e\n" });
  expect(await gantry(["logs", "--tail", "2", "talk"])).toEqual({ code: 0, stdout: "o3\n", stderr: "e\n" });
  expect((await gantry(["logs", "-t", "--tail", "4", "talk"])).stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z o1\n/);
  expect(await gantry(["logs", "--until", "1h", "talk"])).toMatchObject({ code: 0, stdout: "" });
  await gantry(["run", "-d", "--name", "slow", starterImage, "sh", "-c", "echo a; sleep 0.5; echo b"]);
  expect(await gantry(["logs", "-f", "slow"])).toMatchObject({ code: 0, stdout: "a\nb\n" });
  expect(await gantry(["logs", "nobody"])).toMatchObject({ code: 1, stdout: "" });
  await gantry(["rm", "talk", "slow"]);
});

it("imports, tags, lists and removes images", async () => {
  const rootfs = join(directory, "rootfs.tar");
  await mkdir(join(directory, "rootfs/bin"), { recursive: true });
  run("cp", "/bin/busybox", join(directory, "rootfs/bin/sh"));
  run("tar", "-C", join(directory, "rootfs"), "-cf", rootfs, ".");
  const imported = await gantry(["import", "-c", 'CMD ["sh","-c","echo imported"]', rootfs, "me/mine:1"]);
  expect(imported.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect((await gantry(["run", "--rm", "me/mine:1"])).stdout).toBe("imported\n");
  expect((await gantry(["tag", "me/mine:1", "other"])).code).toBe(0);
  expect((await gantry(["images", "--format", "{{.Repository}}:{{.Tag}}", "other"])).stdout).toBe("other:latest\n");
  expect((await gantry(["history", "-q", "other"])).stdout).toBe(`${imported.stdout.slice(7, 19)}\n`);
  expect((await gantry(["rmi", "me/mine:1", "other"])).stdout).toContain(`Deleted: ${imported.stdout.trim()}`);
  expect(await gantry(["rmi", "other"])).toMatchObject({ code: 1, stdout: "" });
});

it("loads an OCI layout as it lies on disk, and says what is no archive", async () => {
  const layout = makeLayout(directory);
  const loaded = await gantry(["load", "-i", layout]);
  expect(loaded).toMatchObject({ code: 0, stderr: "" });
  expect(loaded.stdout).toMatch(/^Loaded image/);
  await writeFile(join(directory, "broken"), "no archive at all\n".repeat(100));
  expect(await gantry(["load", "-i", join(directory, "broken")])).toMatchObject({ code: 1, stdout: "" });
  expect((await gantry(["load", "-i", "/no/such"])).stderr).toContain("archive /no/such: no such file or directory");
});

it("starts the demo, shows its figures live, and takes it away", async () => {
  const demo = await gantry(["demo"]);
  expect(demo).toMatchObject({ code: 0, stderr: "" });
  const url = /http:\/\/localhost:\d+\//.exec(demo.stdout)?.[0] ?? "";
  expect(await (await fetch(url)).text()).toContain("It works");
  expect((await gantry(["ps", "--format", "{{.Names}}"])).stdout.trim().split("\n").sort()).toEqual([
    "demo-logger",
    "demo-stairs",
    "demo-wave",
    "demo-web",
  ]);
  expect((await gantry(["stats", "--no-stream", "--format", "{{.Name}} {{.MemPerc}}"])).stdout).toMatch(
    /^demo-stairs \d+\.\d\d%$/m,
  );
  using live = new TerminalCommand(engine.config, ["stats"]);
  await live.see("demo-wave");
  // The next table is written over this one.
  await live.see("\x1b[5A");
  expect(await gantry(["demo"])).toMatchObject({ code: 0 });
  await gantry(["demo", "--remove"]);
  expect((await gantry(["ps", "-aq"])).stdout).toBe("");
});

it("tells what happens", async () => {
  await gantry(["run", "--rm", "--name", "seen", starterImage, "true"]);
  const { stdout } = await gantry(["events", "--since", "1m", "--until", "0s", "--filter", "container=seen"]);
  expect(stdout).toMatch(/container create .*name=seen.*container start .*container die /s);
});

it("shows the engine, and stops and starts it while a container runs on", async () => {
  await gantry(["run", "-d", "--name", "stay", starterImage, "sleep", "100"]);
  expect((await gantry(["engine", "status"])).stdout).toContain("containers: 1 running");
  expect((await gantry(["info", "--format", "{{.ContainersRunning}}"])).stdout).toBe("1\n");
  expect((await gantry(["engine", "stop"])).stdout).toBe("engine stopped; containers go on running\n");
  expect(await gantry(["engine", "status"])).toMatchObject({ code: 3 });
  expect((await gantry(["version", "--format", "{{json .Server}}"])).stdout).toBe("null\n");
  // Whatever needs an engine starts one.
  expect((await gantry(["ps", "--format", "{{.Names}}"])).stdout).toBe("stay\n");
  expect((await gantry(["engine", "start"])).stdout).toMatch(/^engine runs already: pid \d+/);
  expect((await gantry(["engine", "logs", "-n", "5"])).stdout).toContain("engine is ready");
  expect((await gantry(["rm", "-f", "stay"])).code).toBe(0);
  expect((await gantry(["engine", "stop"])).code).toBe(0);
});

it("runs the starter image with the very first command on a host", async () => {
  const config = createConfig({ root: `${engine.config.root}-first`, run: `${engine.config.run}-first` });
  const first = gantryFor(config);
  try {
    expect(await first(["run", "--rm", starterImage, "echo", "hello"])).toMatchObject({ code: 0, stdout: "hello\n" });
  } finally {
    await first(["engine", "purge", "--force"]);
  }
});

it("says why an engine could not start", async () => {
  const config = { ...engine.config, root: "/dev/null/root", run: "/dev/null/run" };
  const result = await gantryFor(config)(["ps"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^gantry: .*\/dev\/null/);
});

it("helps where it is asked wrongly", async () => {
  expect((await gantry([])).stdout).toContain("Containers:\n  run ");
  expect((await gantry(["run", "--help"])).stdout).toContain("--publish");
  expect((await gantry(["engine"])).stdout).toContain("doctor");
  expect(await gantry(["nope"])).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown command "nope"') });
  expect(await gantry(["ps", "--nope"])).toMatchObject({ code: 125 });
  expect(await gantry(["--root"])).toMatchObject({ code: 125 });
  expect((await gantry(["--version"])).stdout).toMatch(/^gantry \d/);
});
