import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CreateRequest, Healthcheck } from "../../engine/protocol/create-request.ts";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import { createContainer, eventually, findContainer, runContainer, type TestEngine } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine, request, remove } = engineOfFile();
const million = 1e6;

function checkedBy(test: string[], times: Partial<Healthcheck> = {}): Partial<CreateRequest> {
  const defaults = { timeout: 5000 * million, retries: 2, startPeriod: 0, startInterval: 0 };
  return { healthcheck: { test, interval: 100 * million, ...defaults, ...times } };
}

type DockerHealth = {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
};
async function healthOf(container: string): Promise<DockerHealth> {
  const { State } = (await request("containers.inspect", { container })) as { State: { Health: DockerHealth } };
  return State.Health;
}
const becomes = (id: string, health: string) =>
  eventually(async () => (await findContainer(engine, id))?.health === health);
const shell = (container: string, command: string) =>
  request("containers.exec", {
    container,
    command: ["sh", "-c", command],
    terminal: false,
    openStdin: false,
    environment: [],
    privileged: false,
  });

describe("a container with a health check", () => {
  it("starts, gets healthy, unhealthy and healthy again, and tells of each", async () => {
    const events: EngineEvent[] = [];
    await engine.client.subscribe("events", { since: null, until: null }, (event) => events.push(event));
    const id = await runContainer(engine, checkedBy(["CMD-SHELL", "echo looked; test -e /tmp/well"]));
    expect(await findContainer(engine, id)).toMatchObject({ health: "starting" });
    await becomes(id, "unhealthy");
    expect(await healthOf(id)).toMatchObject({ Status: "unhealthy" });
    const [entry] = (await healthOf(id)).Log;
    expect(entry).toMatchObject({ ExitCode: 1, Output: "looked\n" });
    expect(Date.parse(entry?.End ?? "")).toBeGreaterThanOrEqual(Date.parse(entry?.Start ?? ""));
    await shell(id, "touch /tmp/well");
    await becomes(id, "healthy");
    expect(await healthOf(id)).toMatchObject({ Status: "healthy", FailingStreak: 0 });
    await eventually(async () => (await healthOf(id)).Log.length === 5);
    const own = events.filter((event) => event.id === id).map(({ action }) => action);
    expect(own.filter((action) => action.startsWith("health_status"))).toEqual([
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
    expect(own).toContain("exec_create: /bin/sh -c echo looked; test -e /tmp/well");
    expect(own.filter((action) => action === "exec_die").length).toBeGreaterThan(2);

    await request("containers.stop", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited", health: "none" });
    expect(await healthOf(id)).toMatchObject({ Status: "unhealthy" });
    await request("containers.start", { container: id });
    expect(await healthOf(id)).toMatchObject({ Status: "starting", FailingStreak: 0 });
    expect((await healthOf(id)).Log.length).toBe(5);
    await remove(id);
  });

  it("kills a probe that takes too long, with all that it has started", async () => {
    const id = await runContainer(engine, {
      ...checkedBy(["CMD-SHELL", "echo before; sleep 987 & sleep 988"], { timeout: 200 * million, retries: 1 }),
    });
    await becomes(id, "unhealthy");
    const { Log } = await healthOf(id);
    expect(Log[0]).toMatchObject({ ExitCode: -1, Output: "Health check exceeded timeout (200ms): before\n" });
    await request("containers.pause", { container: id });
    await request("containers.unpause", { container: id });
    await request("containers.stop", { container: id, timeout: 0 });
    expect(processesWith("sleep\x00987")).toEqual([]);
    await eventually(() => execsIn(engine).length === 0);
    await remove(id);
  });

  it("says why a probe could not run, and cuts what a probe says at 4096 bytes", async () => {
    const missing = await runContainer(engine, checkedBy(["CMD", "/no/such/probe"]));
    const wordy = await runContainer(engine, checkedBy(["CMD-SHELL", "yes | head -c 100000"]));
    await becomes(missing, "unhealthy");
    expect((await healthOf(missing)).Log[0]).toMatchObject({
      ExitCode: -1,
      Output: expect.stringContaining("/no/such/probe"),
    });
    await becomes(wordy, "healthy");
    const said = (await healthOf(wordy)).Log[0]?.Output ?? "";
    expect(said).toHaveLength(4096 + "...".length);
    await Promise.all([remove(missing), remove(wordy)]);
  });

  it("is not probed while it is paused, and is at once after", async () => {
    const id = await runContainer(engine, checkedBy(["CMD", "true"]));
    await becomes(id, "healthy");
    await request("containers.pause", { container: id });
    const before = (await healthOf(id)).Log.at(-1)?.Start;
    await sleep(400);
    expect((await healthOf(id)).Log.at(-1)?.Start).toBe(before);
    expect(await findContainer(engine, id)).toMatchObject({ status: "paused", health: "healthy" });
    await request("containers.unpause", { container: id });
    await eventually(async () => (await healthOf(id)).Log.at(-1)?.Start !== before);
    await remove(id);
  });

  it("goes on where it was after the engine was killed, in the middle of a probe as well", async () => {
    const id = await runContainer(engine, checkedBy(["CMD-SHELL", "sleep 0.2; exit 3"], { retries: 30 }));
    await eventually(async () => (await healthOf(id)).FailingStreak >= 2);
    const before = await healthOf(id);
    await engine.stop("SIGKILL");
    await engine.start();
    const after = await healthOf(id);
    expect(after.FailingStreak).toBeGreaterThanOrEqual(before.FailingStreak);
    await eventually(async () => (await healthOf(id)).FailingStreak > after.FailingStreak);
    expect(await findContainer(engine, id)).toMatchObject({ health: "starting" });
    await remove(id);
    await eventually(() => execsIn(engine).length === 0, 3);
  });
});

describe("no health check", () => {
  it("runs for NONE, and is shown for a container that has none", async () => {
    const id = await createContainer(engine, checkedBy(["NONE"]));
    await request("containers.start", { container: id });
    await sleep(250);
    expect(await findContainer(engine, id)).toMatchObject({ health: "none" });
    const { State, Config } = (await request("containers.inspect", { container: id })) as Record<string, object>;
    expect(State).not.toHaveProperty("Health");
    expect(Config).toMatchObject({ Healthcheck: { Test: ["NONE"] } });
    await remove(id);
  });

  it("is taken that makes no sense", async () => {
    const bad = (changes: Partial<Healthcheck>) => createContainer(engine, checkedBy(["CMD", "true"], changes));
    await expect(bad({ interval: 5 })).rejects.toThrow("interval in healthcheck cannot be less than 1ms");
    await expect(bad({ retries: -1 })).rejects.toThrow("retries in healthcheck cannot be negative");
  });
});

function execsIn({ config }: TestEngine): string[] {
  return readdirSync(join(config.run, "exec"));
}

/** Pids whose command line holds this text. */
function processesWith(text: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}
