import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import type { Resources } from "../../engine/protocol/resources.ts";
import { createContainer, eventually, findContainer, runContainer } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine, request, remove } = engineOfFile();
const mega = 1024 * 1024;
const update = (
  container: string,
  changes: Partial<Resources>,
  policy?: { name: "always" | "on-failure" | "no"; retries?: number },
) =>
  request("containers.update", {
    container,
    resources: { ...unlimited, ...changes },
    ...(policy === undefined ? {} : { restartPolicy: { name: policy.name, maximumRetryCount: policy.retries ?? 0 } }),
  });

/** What the kernel has in force, in bytes. */
function memoryLimitOf(id: string): string {
  const cgroups = openCgroups();
  const directory = cgroups.pathOf("memory", `${engine.config.names.cgroupParent}/${id}`) ?? "";
  const file = cgroups.findHierarchy("memory")?.version === 2 ? "memory.max" : "memory.limit_in_bytes";
  return readFileSync(join(directory, file), "latin1").trim();
}

describe("an update", () => {
  it("changes what a running container may have, at once and for its next start", async () => {
    const events: EngineEvent[] = [];
    await engine.client.subscribe("events", { since: null, until: null }, (event) => events.push(event));
    const id = await runContainer(engine, { resources: { ...unlimited, memory: 32 * mega } });
    await update(id, { memory: 48 * mega, cpuShares: 512 });
    expect(memoryLimitOf(id)).toBe(String(48 * mega));
    const expected = { memory: 48 * mega, memorySwap: 64 * mega, cpuShares: 512 };
    expect((await findContainer(engine, id))?.resources).toMatchObject(expected);
    const { HostConfig } = await request("containers.inspect", { container: id });
    expect(HostConfig).toMatchObject({ Memory: 48 * mega, MemorySwap: 64 * mega, CpuShares: 512 });
    expect(events.some((event) => event.id === id && event.action === "update")).toBe(true);
    await request("containers.restart", { container: id, timeout: 0 });
    expect(memoryLimitOf(id)).toBe(String(48 * mega));
    await engine.stop("SIGKILL");
    await engine.start();
    expect((await findContainer(engine, id))?.resources).toMatchObject(expected);
    await remove(id);
  });

  it("changes nothing where a part of it is refused", async () => {
    const id = await runContainer(engine, { resources: { ...unlimited, memory: 32 * mega } });
    const before = await findContainer(engine, id);
    await expect(update(id, { cpuShares: 300, memory: 200 * mega })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    await expect(update(id, { memory: 1024 })).rejects.toThrow("memory");
    await expect(update(id, { cpusetCpus: "999" }, { name: "always" })).rejects.toBeInstanceOf(Error);
    await expect(update(id, {}, { name: "no", retries: 3 })).rejects.toThrow("takes no retry count");
    expect(await findContainer(engine, id)).toEqual(before);
    expect(memoryLimitOf(id)).toBe(String(32 * mega));
    await remove(id);
  });

  it("takes limits away, at once and for good", async () => {
    const id = await runContainer(engine, {
      resources: { ...unlimited, memory: 32 * mega, nanoCpus: 5e8, pidsLimit: 50, cpuShares: 512 },
    });
    const free = memoryLimitOf(await runContainer(engine, { name: "free" }));
    const { cpuShares, pidsLimit } = unlimited;
    expect(await update(id, { memory: -1, nanoCpus: -1, cpuShares, pidsLimit })).toEqual({ warnings: [] });
    expect(memoryLimitOf(id)).toBe(free);
    const { HostConfig } = await request("containers.inspect", { container: id });
    expect(HostConfig).toMatchObject({ Memory: 0, MemorySwap: 0, NanoCpus: 0, PidsLimit: 50, CpuShares: 512 });
    await request("containers.restart", { container: id, timeout: 0 });
    expect(memoryLimitOf(id)).toBe(free);
    await Promise.all([remove(id), remove("free")]);
  });

  it("changes the restart policy, but not of a container that goes at its end", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "sleep 0.5; exit 4"] });
    await update(id, {}, { name: "on-failure", retries: 1 });
    await eventually(async () => (await findContainer(engine, id))?.restartCount === 1);
    await eventually(async () => (await findContainer(engine, id))?.status === "exited");
    expect(await findContainer(engine, id)).toMatchObject({ restartCount: 1, exitCode: 4, reason: "exit code 4" });
    await remove(id);
    const brief = await createContainer(engine, { autoRemove: true });
    await expect(update(brief, {}, { name: "always" })).rejects.toThrow("--rm");
    await update(brief, {}, { name: "no" });
    await remove(brief);
  });
});

describe("checkpoints", () => {
  it("are refused in one sentence where criu cannot work, or are there and start again", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "i=0; while :; do i=$((i+1)); sleep 0.1; done"] });
    const checkpoint = { container: id, checkpoint: "one" };
    const failure = await request("checkpoints.create", { ...checkpoint, leaveRunning: false }).then(
      () => null,
      (error: { code: string; message: string }) => error,
    );
    if (failure === null) {
      await eventually(async () => (await findContainer(engine, id))?.status === "exited");
      expect(await request("checkpoints.list", { container: id })).toMatchObject([{ name: "one" }]);
      await request("checkpoints.restore", checkpoint);
      expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
      await request("checkpoints.remove", checkpoint);
    } else {
      expect(failure.code).toBe("unimplemented");
      expect(failure.message).toMatch(/^checkpoints (need criu|are not possible on this host: )/);
      expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
    }
    expect(await request("checkpoints.list", { container: id })).toEqual([]);
    await expect(request("checkpoints.remove", checkpoint)).rejects.toMatchObject({ code: "not-found" });
    await remove(id);
  });
});

it("is there whole or not at all where the engine is killed in its middle", async () => {
  const id = await runContainer(engine, { resources: { ...unlimited, memory: 32 * mega } });
  for (let round = 0; round < 3; round++) {
    let wanted = 33 + round * 10;
    const client = engine.client;
    const hammer = async () => {
      for (;;) {
        const resources = { ...unlimited, memory: ++wanted * mega, memorySwap: 999 * mega };
        await client.request("containers.update", { container: id, resources });
      }
    };
    const ended = hammer().catch(() => undefined);
    await sleep(60 + round * 7);
    await engine.stop("SIGKILL");
    await ended;
    await engine.start();
    const memory = (await findContainer(engine, id))?.resources.memory ?? 0;
    expect(memoryLimitOf(id)).toBe(String(memory));
    expect(memory).toBeGreaterThanOrEqual((wanted - 1) * mega);
  }
  await remove(id);
});

it("shows in docker's words what was asked for", async () => {
  const id = await createContainer(engine, {
    healthcheck: { test: ["CMD", "true"], interval: 5e9, timeout: 0, retries: 4, startPeriod: 0, startInterval: 0 },
    log: { driver: "json-file", options: { "max-size": "1m" } },
    domainname: "example.org",
    annotations: { purpose: "test" },
    deviceCgroupRules: ["c 1:3 rwm"],
    unmaskedPaths: true,
    pidMode: "host",
    utsMode: "host",
    ipcMode: "shareable",
    resources: { ...unlimited, cpuQuota: 50_000, cpuPeriod: 100_000, cpusetMems: "0" },
  });
  expect(await request("containers.inspect", { container: id })).toMatchObject({
    Config: { Domainname: "example.org", Healthcheck: { Test: ["CMD", "true"], Interval: 5e9, Retries: 4 } },
    HostConfig: {
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      Annotations: { purpose: "test" },
      DeviceCgroupRules: ["c 1:3 rwm"],
      MaskedPaths: [],
      ReadonlyPaths: [],
      PidMode: "host",
      UTSMode: "host",
      IpcMode: "shareable",
      CpuQuota: 50_000,
      CpuPeriod: 100_000,
      CpusetMems: "0",
      NanoCpus: 0,
    },
  });
  await remove(id);
});
