/** Containers that want all there is: processes, memory, the disk by way of the log; and hostile sizes in an image. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unlimited } from "../../engine/protocol/defaults.ts";
import {
  eventually,
  findContainer,
  runContainer,
  starterImage,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const remove = (container: string) =>
  engine.client.request("containers.remove", { container, force: true, volumes: true });

/** Milliseconds for a list, on a machine that is not only ours. */
const soon = 2000;

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

describe("a fork bomb", () => {
  it("ends at the limit of pids, and the engine lists, execs, and ends it", async () => {
    const bomb = "bomb() { bomb | bomb & }; (bomb) 2>/dev/null & exec sleep 300";
    const container = await runContainer(engine, {
      name: "bomb",
      command: ["sh", "-c", bomb],
      resources: { ...unlimited, pidsLimit: 60, cpuShares: 2 },
    });
    const other = await runContainer(engine, { name: "neighbour" });
    await sleep(1000);
    expect(await timeOf(() => engine.client.request("containers.list", { all: true }))).toBeLessThan(soon);
    expect((await gantry(["exec", other, "echo", "fine"])).stdout).toBe("fine\n");
    const { processes } = await engine.client.request("containers.top", { container, arguments: [] });
    expect(processes.length).toBeLessThanOrEqual(60);
    // An exec may find no room in it: then it says so, and soon.
    const { code } = await gantry(["exec", container, "true"]);
    expect([0, 1, 125, 126, 128, 137]).toContain(code);
    expect(await timeOf(() => remove(container))).toBeLessThan(10_000);
    expect(await findContainer(engine, container)).toBeUndefined();
    await remove(other);
  });

  it("meets no limit of pids by default, as with docker", async () => {
    const container = await runContainer(engine);
    const read = "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null";
    expect((await gantry(["exec", container, "sh", "-c", read])).stdout).toBe("max\n");
    await remove(container);
  });
});

describe("memory", () => {
  it("of one container ends that container, and its record says why", async () => {
    const container = await runContainer(engine, {
      command: ["sh", "-c", "tail /dev/zero"],
      resources: { ...unlimited, memory: 16 << 20, memorySwap: 16 << 20 },
    });
    await eventually(async () => (await findContainer(engine, container))?.status === "exited", 20);
    expect(await findContainer(engine, container)).toMatchObject({ oomKilled: true, exitCode: 137 });
    await remove(container);
  });

  it("of the engine is not spent on a line without an end, or an answer that nobody reads", async () => {
    const residentOf = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]) / 1024;
    const before = residentOf();
    const container = await runContainer(engine, {
      command: ["sh", "-c", "head -c 60000000 /dev/zero | tr '\\0' x; sleep 300"],
    });
    await eventually(() => sizeOf(container) > 40e6, 30);
    const { lines } = await engine.client.request("logs.page", { container, before: null, limit: 10 });
    expect(JSON.stringify(lines).length).toBeLessThan(2e7);
    await gantry(["logs", "--tail", "1", container]).then(({ stdout }) => expect(stdout.length).toBeGreaterThan(0));
    expect(residentOf() - before).toBeLessThan(150);
    await remove(container);
  }, 60_000);
});

/** Bytes of everything in a container's directory that is a log. */
function logsOf(container: string): { name: string; size: number }[] {
  const directory = join(engine.config.root, "containers", container);
  return readdirSync(directory)
    .filter((name) => /^container\.log/.test(name))
    .map((name) => ({ name, size: statSync(join(directory, name)).size }));
}

function sizeOf(container: string): number {
  return logsOf(container).reduce((sum, { size }) => sum + size, 0);
}

describe("a log", () => {
  it("is rotated by default, by size and count", async () => {
    const container = await runContainer(engine, {
      command: ["sh", "-c", "yes 'a line of a program that talks too much' | head -c 90000000; sleep 300"],
    });
    await eventually(() => logsOf(container).length > 1, 40);
    const { HostConfig } = (await engine.client.request("containers.inspect", { container })) as {
      HostConfig: { LogConfig: unknown };
    };
    expect(HostConfig.LogConfig).toMatchObject({ Type: "json-file" });
    for (const { size } of logsOf(container)) expect(size).toBeLessThan(45e6);
    await remove(container);
  }, 60_000);

  it("keeps to its limits against a writer at full speed", async () => {
    const flags = ["--log-opt", "max-size=1m", "--log-opt", "max-file=3", "--log-opt", "compress=false"];
    const { stdout } = await gantry([
      "run",
      "-d",
      ...flags,
      starterImage,
      "sh",
      "-c",
      "yes 0123456789012345678901234567890123456789",
    ]);
    const container = stdout.trim();
    await sleep(3000);
    expect(await gantry(["pause", container])).toMatchObject({ code: 0 });
    // What was written while the engine turned to the next file goes with the next turns.
    await eventually(() => sizeOf(container) < 8 << 20);
    expect(logsOf(container).length).toBeGreaterThan(1);
    expect(logsOf(container).length).toBeLessThanOrEqual(4);
    expect(await timeOf(() => engine.client.request("containers.list", { all: true }))).toBeLessThan(soon);
    await remove(container);
  }, 30_000);
});
