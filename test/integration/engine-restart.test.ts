import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { unmount } from "../../engine/host/mounts.ts";
import {
  createContainer,
  eventually,
  findContainer,
  openSession,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const counter = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"];

async function killAndRestart(between: () => void | Promise<void> = () => {}): Promise<void> {
  await engine.stop("SIGKILL");
  await between();
  await engine.start();
}

it("is killed and comes back: containers did not notice, and nothing of their logs is lost", async () => {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const web = await runContainer(engine, {
    command: ["httpd", "-f", "-p", "80", "-h", "/etc"],
    ports: [{ hostAddress: "", hostPort: port, containerPort: 80, protocol: "tcp" }],
  });
  const talker = await runContainer(engine, { command: counter, openStdin: true });
  const sleeper = await runContainer(engine);
  await request("containers.pause", { container: sleeper });
  const before = await findContainer(engine, web);

  await killAndRestart(async () => {
    expect((await fetch(`http://127.0.0.1:${port}/hostname`)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
  });

  expect(await findContainer(engine, web)).toEqual(before);
  expect((await findContainer(engine, sleeper))?.status).toBe("paused");
  expect(await (await fetch(`http://127.0.0.1:${port}/hostname`)).text()).toBe(`${web.slice(0, 12)}\n`);
  const { output, stream } = await openSession(engine, (streamID) =>
    request("containers.attach", { container: talker, streamID, stdin: true }),
  );
  await eventually(() => output.stdout.length > 0);
  await request("containers.stop", { container: talker, timeout: 0 });
  expect(await stream.ended).toEqual({ exitCode: 137 });
  const numbers = (await readLog(engine, talker)).trimEnd().split("\n").map(Number);
  expect(numbers.length).toBeGreaterThan(15);
  expect(numbers).toEqual(numbers.map((_number, index) => index));
  const samples = await request("stats.sample", { containers: [web] });
  expect(samples).toHaveLength(1);
  await Promise.all([web, talker, sleeper].map(remove));
});

it("knows the exit codes of those that ended while it was away, and brings back whom the policy names", async () => {
  const short = await runContainer(engine, { command: ["sh", "-c", "sleep 0.4; echo last; exit 42"] });
  const auto = await runContainer(engine, { command: ["sleep", "0.4"], autoRemove: true });
  const faithful = await runContainer(engine, {
    command: ["sh", "-c", "sleep 0.4; echo round; exit 1"],
    restartPolicy: { name: "on-failure", maximumRetryCount: 1 },
  });
  await killAndRestart(() => new Promise((resolve) => setTimeout(resolve, 700)));
  expect(await findContainer(engine, short)).toMatchObject({ status: "exited", exitCode: 42, ipAddress: null });
  expect(await readLog(engine, short)).toBe("last\n");
  expect(await findContainer(engine, auto)).toBeUndefined();
  await eventually(async () => (await findContainer(engine, faithful))?.status === "exited");
  expect(await findContainer(engine, faithful)).toMatchObject({ restartCount: 1, exitCode: 1 });
  expect(await readLog(engine, faithful)).toBe("round\nround\n");
  await Promise.all([short, faithful].map(remove));
});

it("can be killed at any moment of a life, and is right again", async () => {
  for (const pause of [0, 15, 30, 45, 60, 75, 90]) {
    const id = await createContainer(engine, { name: `shot-${pause}`, command: counter });
    const started = request("containers.start", { container: id }).catch(() => null);
    const other = createContainer(engine, { name: `half-${pause}` }).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, pause));
    await killAndRestart();
    await Promise.all([started, other]);
    const summary = await findContainer(engine, id);
    expect(["created", "running"]).toContain(summary?.status);
    if (summary?.status === "created") await request("containers.start", { container: id });
    await eventually(async () => (await readLog(engine, id)).includes("1\n"));
    const removed = remove(id).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, pause / 4));
    await killAndRestart();
    await removed;
    await remove(id).catch(() => null);
    expect(await findContainer(engine, id)).toBeUndefined();
    await remove(`half-${pause}`).catch(() => null);
  }
  expect(await request("containers.list", { all: true })).toEqual([]);
}, 120_000);

it("finds its way after the host was booted: run directory, processes and mounts gone", async () => {
  const policy = (name: "always" | "unless-stopped" | "no") => ({ restartPolicy: { name, maximumRetryCount: 0 } });
  const always = await runContainer(engine, { name: "always", ...policy("always") });
  const unless = await runContainer(engine, { name: "unless", ...policy("unless-stopped") });
  const stopped = await runContainer(engine, { name: "stopped", ...policy("unless-stopped") });
  const plain = await runContainer(engine, { name: "plain", ...policy("no") });
  const never = await createContainer(engine, { name: "never", ...policy("always") });
  await request("containers.stop", { container: stopped, timeout: 0 });
  const ids = [always, unless, stopped, plain, never];
  await killAndRestart(() => pretendBoot(engine));
  const isBack = async (id: string) => (await findContainer(engine, id))?.status === "running";
  await eventually(async () => (await isBack(always)) && (await isBack(unless)));
  const statuses = await Promise.all(ids.map(async (id) => (await findContainer(engine, id))?.status));
  expect(statuses).toEqual(["running", "running", "exited", "exited", "created"]);
  expect(await findContainer(engine, plain)).toMatchObject({
    exitCode: 255,
    error: "it ended when the host was restarted",
  });
  await Promise.all(ids.map(remove));
});

it("starts those whose namespaces others share before these, at the host's boot", async () => {
  const restartPolicy = { name: "on-failure", maximumRetryCount: 1 } as const;
  const giver = await runContainer(engine, { ipcMode: "shareable", restartPolicy });
  const mode = `container:${giver}`;
  const one = await runContainer(engine, { network: mode, ipcMode: mode, restartPolicy });
  const other = await runContainer(engine, {
    network: `container:${giver}`,
    pidMode: `container:${one}`,
    restartPolicy,
  });
  const ids = [giver, one, other];
  await killAndRestart(() => pretendBoot(engine));
  await eventually(async () => {
    const found = await Promise.all(ids.map((id) => findContainer(engine, id)));
    return found.every((summary) => summary?.status === "running" && summary.restartCount === 1);
  });
  expect(await engine.log()).not.toContain("non running container");
  await Promise.all(ids.map(remove));
});

it("takes away what nobody owns", async () => {
  await engine.stop("SIGTERM");
  const stray = join(engine.config.root, "containers", "ab".repeat(32));
  mkdirSync(stray);
  writeFileSync(join(stray, "config.json"), "{}");
  await engine.start();
  expect(await engine.log()).toContain("a container without a record is removed");
  expect(spawnSync("ls", [join(engine.config.root, "containers")]).stdout.toString()).toBe("");
});

it("lets no second engine near its directories", async () => {
  await expect(engine.start()).rejects.toThrow("engine did not start");
});

/** What a boot does: no process, mount or file of <run> is left, and the kernel has another boot id. */
async function pretendBoot({ config }: TestEngine): Promise<void> {
  const parents = globSync(`/sys/fs/cgroup/{,*/}${config.names.cgroupParent}/*/cgroup.procs`);
  const members = parents.flatMap((path) => readFileSync(path, "latin1").split("\n")).filter((pid) => Number(pid) > 1);
  const conmons = readdirSync(join(config.run, "supervisors")).map((id) =>
    readFileSync(join(config.run, "supervisors", id, "conmon.pid"), "latin1").trim(),
  );
  for (const pid of new Set([...conmons, ...members])) spawnSync("kill", ["-9", pid]);
  for (const { target } of listMounts().toReversed()) {
    if (target.startsWith(config.run) || target.startsWith(config.root)) await unmount(target);
  }
  rmSync(config.run, { recursive: true, force: true });
  const database = new DatabaseSync(join(config.root, "gantry.db"));
  database.exec("UPDATE containers SET state = json_set(state, '$.bootID', 'the boot before')");
  database.close();
}
