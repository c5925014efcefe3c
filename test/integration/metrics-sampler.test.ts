import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { openStatsSampler } from "../../engine/metrics/cgroup-stats-sampler.ts";
import type { Watched } from "../../engine/metrics/stats-sampler.ts";
import type { StatsSample } from "../../engine/protocol/stats.ts";
import { joinCgroup, makeCgroup } from "../support/own-cgroup.ts";

const cgroups = openCgroups();
const own = `gantry-test-metrics-${process.pid}`;
const children: ChildProcess[] = [];
const mebibyte = 1024 * 1024;

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  await cgroups.remove(own);
});

function write(controller: string, name: string, files: readonly string[], value: string): void {
  for (const file of files) {
    try {
      writeFileSync(join(cgroups.pathOf(controller, `${own}/${name}`) ?? "", file), value);
      return;
    } catch {
      // The other version of cgroups.
    }
  }
  throw new Error(`no ${files.join(" or ")} for ${name}`);
}

/** A cgroup in every hierarchy with one Node process in it that runs `script`; `unshare` gives it a netns of its own. */
async function runIn(name: string, script: string, unshare = false): Promise<Watched> {
  const directories = makeCgroup(cgroups, `${own}/${name}`);
  const node = [process.execPath, "-e", `process.stdin.once("data", () => { ${script} }); process.stdout.write("up")`];
  const [program = "", ...args] = unshare ? ["unshare", "-n", ...node] : node;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  joinCgroup(directories, pid);
  child.stdin.write("go");
  return { container: name, cgroupPath: `${own}/${name}`, pid, hasNetwork: unshare, nanoCpus: null };
}

async function nextSamples(sampler: ReturnType<typeof openStatsSampler>): Promise<readonly StatsSample[]> {
  return new Promise((resolve) => {
    const stop = sampler.onSamples((samples) => {
      stop();
      resolve(samples);
    });
  });
}

it("sees a process burn CPU, held back by a quota", async () => {
  using sampler = openStatsSampler({ cgroups });
  const busy = await runIn("busy", "for (;;);");
  write("cpu", "busy", ["cpu.max", "cpu.cfs_quota_us"], "30000");
  sampler.watch({ ...busy, nanoCpus: 3e8 });
  await sleep(1000);
  const [sample] = await sampler.sample(["busy"]);
  expect(sample?.cpu.cores).toBe(0.3);
  expect(sample?.cpu.percent).toBeGreaterThan(5);
  expect(sample?.cpu.percent).toBeLessThan(60);
  expect(sample?.cpu.percentOfLimit).toBeCloseTo((sample?.cpu.percent ?? 0) / 0.3);
  expect(sample?.cpu.throttledPercent).toBeGreaterThan(0);
  expect(sample?.pids).toBeGreaterThan(0);
});

it("sees memory, its limit, and a file's cache beside it", async () => {
  using sampler = openStatsSampler({ cgroups });
  const hungry = await runIn("hungry", "globalThis.kept = Buffer.alloc(100 * 1024 * 1024, 1);");
  write("memory", "hungry", ["memory.max", "memory.limit_in_bytes"], String(512 * mebibyte));
  sampler.watch(hungry);
  await sleep(300);
  const [sample] = await sampler.sample([]);
  expect(sample?.memory.used).toBeGreaterThan(100 * mebibyte);
  expect(sample?.memory.used).toBeLessThan(300 * mebibyte);
  expect(sample?.memory).toMatchObject({ limit: 512 * mebibyte, limited: true, oomKills: 0 });
});

it("counts an OOM kill", async () => {
  using sampler = openStatsSampler({ cgroups });
  const doomed = await runIn("doomed", "setTimeout(() => { globalThis.kept = Buffer.alloc(200e6, 1); }, 500);");
  write("memory", "doomed", ["memory.max", "memory.limit_in_bytes"], String(100 * mebibyte));
  sampler.watch(doomed);
  const child = children.at(-1);
  if (child !== undefined && child.signalCode === null) await once(child, "exit");
  const [sample] = await sampler.sample(["doomed"]);
  expect(sample?.memory.oomKills).toBe(1);
});

it("measures against the host without limits, and has no network figures where there is no network", async () => {
  using sampler = openStatsSampler({ cgroups });
  sampler.watch(await runIn("idle", ""));
  const [sample] = await sampler.sample(["idle"]);
  expect(sample?.memory).toMatchObject({ limit: totalmem(), limited: false });
  expect(sample?.network).toEqual({ receivedBytes: 0, sentBytes: 0, receiveRate: 0, sendRate: 0 });
  expect(sample?.pidsLimit).toBeNull();
});

it("reads the network of the container's namespace, not of the host, and follows a pids limit", async () => {
  using sampler = openStatsSampler({ cgroups });
  const alone = await runIn("alone", "", true);
  write("pids", "alone", ["pids.max"], "77");
  sampler.watch(alone);
  const [sample] = await sampler.sample(["alone"]);
  expect(sample?.network.receivedBytes).toBe(0);
  expect(sample?.pidsLimit).toBe(77);
});

it("passes over a container that is gone, keeps the others, and gets over its return", async () => {
  using sampler = openStatsSampler({ interval: 300, cgroups });
  sampler.watch(await runIn("stays", ""));
  const goes = await runIn("goes", "");
  sampler.watch(goes);
  expect((await nextSamples(sampler)).map((sample) => sample.container)).toEqual(["stays", "goes"]);

  children.at(-1)?.kill("SIGKILL");
  await cgroups.remove(`${own}/goes`);
  expect((await nextSamples(sampler)).map((sample) => sample.container)).toEqual(["stays"]);
  expect((await sampler.sample([])).map((sample) => sample.container)).toEqual(["stays"]);

  sampler.watch(await runIn("goes", ""));
  const [first] = (await nextSamples(sampler)).filter((sample) => sample.container === "goes");
  expect(first?.pids).toBeGreaterThan(0);
  expect(sampler.history("goes", 600).length).toBeGreaterThanOrEqual(2);

  sampler.unwatch("goes");
  expect(sampler.history("goes", 600)).toEqual([]);
  expect(await sampler.sample(["goes", "stays"])).toHaveLength(1);
});

it("prints what a pass over 20 containers costs", async () => {
  using sampler = openStatsSampler({ interval: 100, cgroups });
  const one = await runIn("fleet/n0", "", true);
  sampler.watch(one);
  for (let index = 1; index < 20; index++) {
    const name = `fleet/n${index}`;
    makeCgroup(cgroups, `${own}/${name}`);
    sampler.watch({ ...one, container: name, cgroupPath: `${own}/${name}` });
  }
  await nextSamples(sampler);
  const before = process.cpuUsage();
  let passes = 0;
  const stop = sampler.onSamples((samples) => {
    passes++;
    expect(samples).toHaveLength(20);
  });
  await sleep(3000);
  stop();
  const { user, system } = process.cpuUsage(before);
  console.log(
    `one pass over 20 containers: ${((user + system) / 1000 / passes).toFixed(2)} ms of CPU, ${passes} passes`,
  );
  expect(passes).toBeGreaterThan(5);
});
