import { existsSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import { type Built, buildRequestOf, imageOf, runBuild } from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { busyTraces } from "../support/fault-build-storm.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.[Symbol.asyncDispose](), 30_000);

const base = "FROM gantry/busybox\n";
const build = (dockerfile: string, fields: Partial<BuildRequest> = {}): Promise<Built> =>
  runBuild(engine, buildRequestOf(dockerfile, fields));

/** MiB of the engine's memory that are its own. */
function memory(): number {
  const status = readFileSync(`/proc/${engine.pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** Milliseconds of the slowest answers while something goes on: the median and the worst. */
async function answersDuring(work: Promise<unknown>): Promise<{ median: number; worst: number; peak: number }> {
  const times: number[] = [];
  let isOver = false;
  let peak = 0;
  const end = work.finally(() => {
    isOver = true;
  });
  end.catch(() => {});
  while (!isOver) {
    const begin = performance.now();
    await engine.client.request("builds.list", {});
    times.push(performance.now() - begin);
    peak = Math.max(peak, memory());
    await sleep(10);
  }
  await end.catch(() => {});
  times.sort((one, other) => one - other);
  return { median: times[times.length >> 1] ?? 0, worst: times.at(-1) ?? 0, peak };
}

async function nothingLeft(): Promise<void> {
  await eventually(() => busyTraces(engine).length === 0, 5);
}

it("ends a command that forks for ever when it is cancelled, with all that it has started", async () => {
  const request = buildRequestOf(`${base}RUN f() { f & f; }; f 2>/dev/null & exec sleep 100\n`, {
    resources: { ...buildRequestOf("").resources, pidsLimit: 400 },
  });
  const running = runBuild(engine, request);
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.current.startsWith("RUN") === true);
  await sleep(500);
  const begin = performance.now();
  await engine.client.request("builds.cancel", { build: request.buildID });
  expect((await running).error).toMatchObject({ code: "cancelled" });
  expect(performance.now() - begin).toBeLessThan(5_000);
  await nothingLeft();
}, 30_000);

it("bears a command that writes as fast as it can, until it is cancelled", async () => {
  const before = memory();
  const request = buildRequestOf(`${base}RUN yes & yes >&2 & cat /dev/zero\n`);
  let told = 0;
  await engine.client.subscribe("build", { buildID: request.buildID }, (event) => {
    if (event.type === "output") told += event.text.length;
  });
  const running = runBuild(engine, request, await engine.connect());
  const { median, peak } = await answersDuring(sleep(6_000));
  await engine.client.request("builds.cancel", { build: request.buildID });
  expect((await running).error).toMatchObject({ code: "cancelled" });
  expect(median).toBeLessThan(50);
  expect(peak - before).toBeLessThan(200);
  // Of one telling each 40 ms.
  expect(told).toBeLessThan(150 * 300 * 1024);
  const record = `${engine.config.root}/build/records/${request.buildID}.log`;
  await eventually(() => existsSync(record));
  expect(statSync(record).size).toBeLessThan(30_000_000);
  await nothingLeft();
}, 30_000);

it("keeps a command from the host, whatever it does to its own files", async () => {
  const commands = [
    "mknod /disk b 8 0 && dd if=/disk of=/x bs=1 count=1",
    "mount -t tmpfs x /mnt",
    "mount -t proc x /mnt",
    "ls /proc/1/root/proc/1/cwd/../etc/hostname && grep -q engine/main /proc/[0-9]*/cmdline",
    "echo b >/proc/sysrq-trigger",
    "echo x >/proc/sys/kernel/hostname",
    "echo x >/sys/fs/cgroup/pids/pids.max",
    "chroot /proc/1/root/../../.. ls /work",
    "nsenter -t 1 -m true",
    "unshare -m true",
  ];
  for (const command of commands) {
    const { error } = await build(`${base}RUN if (${command}) 2>/dev/null; then exit 77; else exit 0; fi\n`);
    expect([command, error?.message ?? null]).toEqual([command, null]);
  }
}, 60_000);

it("builds on where a command has deleted /etc and made links of it", async () => {
  const links = `${base}RUN rm -rf /etc && ln -s /proc/1/root/etc /etc || true\nRUN ls / >/dev/null\nCOPY <<E /etc/x\nhi\nE\n`;
  const { error } = await build(links);
  expect(["", "stage stage-0, line 4"].some((text) => (error?.message ?? "").startsWith(text))).toBe(true);
  const own = await build(
    `${base}RUN rm -rf /etc /tmp /root; mkdir /etc; echo root:x:0:0::/:/bin/sh >/etc/passwd\nRUN cat /etc/passwd\n`,
  );
  expect(imageOf(own)).toMatch(/^sha256:/);
  expect(own.output).toContain("root:x");
}, 20_000);

it("gives the host's network and all rights only where that is allowed", async () => {
  const host = `${base}RUN --network=host ls /sys/class/net >/links\n`;
  expect((await build(host)).error).toMatchObject({
    code: "permission-denied",
    message: "stage 0, line 2: network.host is not allowed",
  });
  imageOf(await build(host, { allow: ["network.host"] }));
  expect((await build(host)).error).toMatchObject({ code: "permission-denied" });
  const insecure = `# syntax=docker/dockerfile:1-labs\n${base}RUN --security=insecure mkdir -p /mnt && mount -t tmpfs x /mnt\n`;
  expect((await build(insecure)).error).toMatchObject({ code: "permission-denied" });
  imageOf(await build(insecure, { allow: ["security.insecure"] }));
  expect((await build(insecure)).error).toMatchObject({ code: "permission-denied" });
}, 20_000);

it("keeps control sequences to who asks for the output", async () => {
  const evil = "\u001b]0;title\u0007\u001b[2J";
  const { error, output } = await build(`${base}RUN printf '${evil}'; exit 3\n`);
  expect(output).toBe(evil);
  expect(error?.exitCode).toBe(3);
  expect(await engine.log()).not.toContain("\u001b");
}, 20_000);
