import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import { listenTo, openTestRuntime, until } from "../support/runtime-bundle.ts";

it("tells the exit code of a container once and leaves nothing behind", async () => {
  const test = await openTestRuntime();
  const { config, runtime } = test;
  try {
    const bundle = await test.create("seven", { command: ["sh", "-c", "echo out; echo err >&2; exit 7"] });
    expect(await runtime.state("seven")).toMatchObject({ status: "created" });
    expect(runtime.isSupervised("seven")).toBe(true);
    const session = await runtime.attach(bundle);
    const heard = listenTo(session);
    await runtime.start("seven");
    expect(await test.exitOf("seven")).toMatchObject({ exitCode: 7, oomKilled: false });
    await heard.ended;
    expect([heard.out(), heard.err()]).toEqual(["out\n", "err\n"]);
    expect(readFileSync(join(bundle, "log"), "utf8")).toMatch(/ stdout F out\n.* stderr F err\n/);
    await until(() => !runtime.isSupervised("seven"), "conmon's end");
    await runtime.delete("seven");
    expect(runtime.findExit("seven")).toMatchObject({ exitCode: 7 });
    runtime.forget("seven");
    expect(runtime.findExit("seven")).toBeNull();
    expect(await runtime.state("seven")).toBeNull();
    expect(test.exits).toHaveLength(1);
    await until(() => readdirSync(join(config.run, "supervisors")).length === 0, "supervisors gone");
    expect(readdirSync(join(config.run, "exits"))).toEqual([]);
  } finally {
    await test[Symbol.asyncDispose]();
  }
  const cgroups = openCgroups();
  expect(cgroups.directoriesOf(config.names.cgroupParent).filter((path) => existsSync(path))).toEqual([]);
});

it("signals the container's program, and not the runtime's init on its way to it", async () => {
  await using test = await openTestRuntime();
  // Keeps the init from its last step, as a busy machine may.
  const hooks = { startContainer: [{ path: "/bin/sleep", args: ["sleep", "0.3"] }] };
  await test.create("soon", { command: ["sleep", "300"] }, { hooks });
  await test.runtime.start("soon");
  // The first process of a pid namespace takes no signal that it has no handler for; the init has one for each.
  await test.runtime.kill("soon", constants.signals.SIGTERM, false);
  await sleep(100);
  await test.runtime.kill("soon", constants.signals.SIGKILL, false);
  expect(await test.exitOf("soon")).toMatchObject({ exitCode: 137 });
});

it.each([
  ["no-such-program", 127, "not found in the container"],
  ["/no/such/program", 127, "not found in the container"],
  ["/bin/not-executable", 126, "permission denied"],
  ["/etc", 126, "cannot be run"],
])("refuses the command %s with %i", async (command, exitCode, reason) => {
  await using test = await openTestRuntime();
  await expect(test.create("bad", { command: [command] })).rejects.toMatchObject({
    exitCode,
    message: expect.stringContaining(reason),
  });
  expect(await test.runtime.list()).toEqual([]);
  expect(readdirSync(join(test.config.run, "exits"))).toEqual([]);
  expect(test.runtime.isSupervised("bad")).toBe(false);
  const cgroups = openCgroups();
  const own = `${test.config.names.cgroupParent}/bad`;
  expect(cgroups.directoriesOf(own).filter((path) => existsSync(path))).toEqual([]);
});

it("survives kill -9 of the engine's process and is attached to again", async () => {
  const base = await mkdtemp(join(tmpdir(), "gantry-runtime-"));
  const script = `
    import { openTestRuntime } from ${JSON.stringify(join(import.meta.dirname, "../support/runtime-bundle.ts"))};
    const test = await openTestRuntime(${JSON.stringify(base)});
    await test.create("keeper", { command: ["sh", "-c", "while read line; do echo got $line; [ $line = end ] && exit 3; done"], openStdin: true });
    await test.runtime.attach(test.bundleOf("keeper"));
    await test.runtime.start("keeper");
    await test.create("short", { command: ["sh", "-c", "sleep 0.7; exit 9"] });
    await test.runtime.start("short");
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const engine = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(engine.stdout, "data");
  engine.kill("SIGKILL");
  await once(engine, "exit");
  await until(() => existsSync(join(base, "run/exits/short")), "exit while no engine runs");
  await using test = await openTestRuntime(base);
  expect(await test.exitOf("short")).toMatchObject({ exitCode: 9 });
  expect(test.runtime.isSupervised("keeper")).toBe(true);
  expect(await test.runtime.state("keeper")).toMatchObject({ status: "running" });
  const heard = listenTo(
    await test.runtime.attach(test.bundleOf("keeper")).then(async (session) => {
      await session.write(Buffer.from("one\nend\n"));
      return session;
    }),
  );
  expect(await test.exitOf("keeper")).toMatchObject({ exitCode: 3 });
  await heard.ended;
  expect(heard.out()).toBe("got one\ngot end\n");
});

it("pauses, resumes and kills, also while paused", async () => {
  await using test = await openTestRuntime();
  const { runtime } = test;
  await test.create("sleeper", { command: ["sleep", "100"] });
  await runtime.start("sleeper");
  await runtime.pause("sleeper");
  expect(await runtime.state("sleeper")).toMatchObject({ status: "paused" });
  await runtime.resume("sleeper");
  expect(await runtime.state("sleeper")).toMatchObject({ status: "running" });
  expect(await runtime.processes("sleeper")).toHaveLength(1);
  await runtime.pause("sleeper");
  await runtime.kill("sleeper", 9, false);
  expect(await test.exitOf("sleeper")).toMatchObject({ exitCode: 137, oomKilled: false });
  await runtime.kill("sleeper", 15, false);
  await runtime.kill("sleeper", 15, true);
});

it("says that memory ran out", async () => {
  await using test = await openTestRuntime();
  const resources = {
    ...unlimited,
    memory: 16 << 20,
    memorySwap: 16 << 20,
  };
  await test.create("glutton", { command: ["sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"], resources });
  await test.runtime.start("glutton");
  expect(await test.exitOf("glutton")).toMatchObject({ exitCode: 137, oomKilled: true });
  await test.runtime.delete("glutton");
  expect(test.runtime.findExit("glutton")).toMatchObject({ oomKilled: true });
});

it("writes down an end that nobody supervised", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("orphan", { command: ["sleep", "100"] });
  await test.runtime.start("orphan");
  const pid = Number(readFileSync(join(test.config.run, "supervisors/orphan/conmon.pid"), "latin1"));
  process.kill(pid, "SIGKILL");
  await until(() => !test.runtime.isSupervised("orphan"), "conmon's end");
  await test.runtime.kill("orphan", 9, true);
  expect(await test.exitOf("orphan")).toMatchObject({ exitCode: 255 });
  await expect(test.runtime.attach(bundle)).rejects.toMatchObject({ code: "failed-precondition" });
});
