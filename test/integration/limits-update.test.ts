import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import type { Resources } from "../../engine/protocol/resources.ts";
import { openTestRuntime, type TestRuntime } from "../support/runtime-bundle.ts";

const mebibyte = 1024 ** 2;
const cgroups = openCgroups();
let test: TestRuntime;

beforeEach(async () => {
  test = await openTestRuntime();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
});

/** A value in the container's own cgroup. */
function limitOf(id: string, controller: string, file: string): string {
  const directory = cgroups.pathOf(controller, `/${test.config.names.cgroupParent}/${id}`);
  if (directory === null) throw new Error(`no ${controller} here`);
  return readFileSync(join(directory, file), "latin1").trim();
}

function memoryOf(id: string): { limit: string; swap: string } {
  return {
    limit: limitOf(id, "memory", "memory.limit_in_bytes"),
    swap: limitOf(id, "memory", "memory.memsw.limit_in_bytes"),
  };
}

async function run(id: string, resources: Partial<Resources>, command = ["sleep", "100"]): Promise<void> {
  await test.create(id, { command, resources: { ...unlimited, ...resources } });
  await test.runtime.start(id);
}

const update = (id: string, resources: Partial<Resources>) => test.runtime.update(id, { ...unlimited, ...resources });

describe("limits of a running container", () => {
  it("go up and down, memory and swap together", async () => {
    await run("one", { memory: 64 * mebibyte });
    expect(memoryOf("one")).toEqual({ limit: String(64 * mebibyte), swap: String(128 * mebibyte) });
    expect(await update("one", { memory: 256 * mebibyte })).toEqual({ warnings: [] });
    expect(memoryOf("one")).toEqual({ limit: String(256 * mebibyte), swap: String(512 * mebibyte) });
    await update("one", { memory: 32 * mebibyte, memorySwap: 48 * mebibyte });
    expect(memoryOf("one")).toEqual({ limit: String(32 * mebibyte), swap: String(48 * mebibyte) });
  });

  it("are what a container would be made with", async () => {
    const wished: Partial<Resources> = {
      memory: 64 * mebibyte,
      memoryReservation: 32 * mebibyte,
      memorySwappiness: 10,
      cpuQuota: 20_000,
      cpuPeriod: 50_000,
      cpuShares: 512,
      cpusetCpus: "0",
      cpusetMems: "0",
      pidsLimit: 77,
    };
    await run("made", wished);
    await run("changed", { cpuQuota: 90_000, pidsLimit: 20 });
    await update("changed", wished);
    const files = {
      memory: [
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.swappiness",
      ],
      cpu: ["cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares"],
      cpuset: ["cpuset.cpus", "cpuset.mems"],
      pids: ["pids.max"],
    };
    const all = (id: string) =>
      Object.entries(files).flatMap(([controller, names]) =>
        names.map((name) => `${name} ${limitOf(id, controller, name)}`),
      );
    expect(all("changed")).toEqual(all("made"));
    expect(limitOf("changed", "cpu", "cpu.cfs_quota_us")).toBe("20000");
  });

  it("hold: the running process feels them", async () => {
    const script = "i=0; while [ $i -lt 50 ]; do sleep 100 & i=$((i+1)); done; sleep 100";
    await run("fork", { pidsLimit: 100 }, ["sh", "-c", "read line; sleep 100"]);
    // runc's own threads inside count as well until the command begins.
    await update("fork", { pidsLimit: 25 });
    const session = await test.runtime.exec({
      container: "fork",
      bundle: test.bundleOf("fork"),
      execID: "more",
      command: ["sh", "-c", script],
      terminal: false,
      openStdin: false,
      environment: [],
      workingDirectory: null,
      user: null,
      privileged: false,
      rows: null,
      columns: null,
    });
    expect(await session.exitCode).not.toBe(0);
    expect(Number(limitOf("fork", "pids", "pids.current"))).toBeLessThanOrEqual(25);
  });

  it("can be taken away", async () => {
    await run("free", { pidsLimit: 10, cpuQuota: 20_000 });
    await update("free", { pidsLimit: -1, cpuQuota: -1 });
    expect(limitOf("free", "pids", "pids.max")).toBe("max");
    expect(limitOf("free", "cpu", "cpu.cfs_quota_us")).toBe("-1");
  });

  it("become as they are on record where a change was cut off", async () => {
    const files = [
      ["memory", "memory.limit_in_bytes"],
      ["memory", "memory.memsw.limit_in_bytes"],
      ["memory", "memory.soft_limit_in_bytes"],
      ["cpu", "cpu.shares"],
      ["cpu", "cpu.cfs_quota_us"],
      ["cpuset", "cpuset.cpus"],
      ["pids", "pids.max"],
    ] as const;
    const all = () => files.map(([controller, file]) => `${file} ${limitOf("half", controller, file)}`);
    await run("half", { cpuShares: 512 });
    const before = all();
    await update("half", { memory: 64 * mebibyte, cpuQuota: 20_000, cpusetCpus: "0", pidsLimit: 10, cpuShares: 300 });
    expect(all()).not.toEqual(before);
    await test.runtime.update("half", { ...unlimited, cpuShares: 512 }, { whole: true });
    expect(all()).toEqual(before);
  });

  it("are changed all or none", async () => {
    await run("whole", { memory: 64 * mebibyte, pidsLimit: 50, cpuShares: 512 });
    // A processor list that the kernel refuses comes after what it has taken.
    const wish = { memory: 96 * mebibyte, pidsLimit: 60, cpuShares: 256, cpusetMems: "63" };
    await expect(update("whole", wish)).rejects.toMatchObject({
      message: expect.stringMatching(/^container whole: cpuset.mems cannot be set to 63: /),
    });
    expect(memoryOf("whole")).toEqual({ limit: String(64 * mebibyte), swap: String(128 * mebibyte) });
    expect(limitOf("whole", "pids", "pids.max")).toBe("50");
    expect(limitOf("whole", "cpu", "cpu.shares")).toBe("512");
  });

  it("do not go below what is in use, and say so", async () => {
    await run("full", { memory: 128 * mebibyte }, [
      "sh",
      "-c",
      "head -c 40000000 /dev/zero | tail -c 40000000 | sleep 100",
    ]);
    await expect
      .poll(() => Number(limitOf("full", "memory", "memory.usage_in_bytes")), { timeout: 5000 })
      .toBeGreaterThan(35 * mebibyte);
    await expect(update("full", { memory: 8 * mebibyte })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(/^container full uses \d+\.\d MB of memory: its limit cannot be set to 8\.0 MB$/),
    });
    expect(memoryOf("full").limit).toBe(String(128 * mebibyte));
    expect(await test.runtime.state("full")).toMatchObject({ status: "running" });
  });
});
