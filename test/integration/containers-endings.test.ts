import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { unlimited } from "../../engine/protocol/defaults.ts";
import { createContainer, eventually, findContainer, runContainer } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine, request, remove } = engineOfFile();
const isOver = (id: string) => eventually(async () => (await findContainer(engine, id))?.status === "exited");
const sh = (script: string) => ["sh", "-c", script];
const tight = { ...unlimited, memory: 16 << 20, memorySwap: 16 << 20 };
const always = { name: "always", maximumRetryCount: 0 } as const;

/** Kills the engine, does something meanwhile, and starts the next. */
async function withoutEngine(work: () => Promise<unknown>): Promise<void> {
  await engine.stop("SIGKILL");
  await work();
  await engine.start();
}

describe("a container that ends badly", () => {
  it("says why in the list", async () => {
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [sh("echo fine; echo cannot open config >&2; exit 3"), 3, /^exit code 3: cannot open config$/],
      [sh("no-such-program"), 127, /^exit code 127 \(a command or library was not found\): .*no-such-program/],
      [sh("kill -SEGV $$"), 139, /^ended by SIGSEGV, segmentation fault/],
    ];
    for (const [command, exitCode, reason] of cases) {
      const id = await runContainer(engine, { command, init: exitCode === 139 });
      await isOver(id);
      expect(await findContainer(engine, id)).toMatchObject({
        exitCode,
        error: "",
        reason: expect.stringMatching(reason),
      });
      await remove(id);
    }
  });

  it("says nothing where it was told to end, and forgets the reason at its next start", async () => {
    const id = await runContainer(engine, {
      command: sh("test -e /tmp/again || { touch /tmp/again; exit 5; }; sleep 300"),
    });
    await isOver(id);
    expect(await findContainer(engine, id)).toMatchObject({ reason: "exit code 5" });
    await request("containers.start", { container: id });
    expect(await findContainer(engine, id)).not.toHaveProperty("reason");
    await request("containers.stop", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toMatchObject({ exitCode: 137 });
    expect(await findContainer(engine, id)).not.toHaveProperty("reason");
    await remove(id);
  });

  it("is on record with code, signal and out-of-memory kill, also where no engine was there", async () => {
    const eat = "x=a; while :; do x=$x$x; done";
    const hungry = await runContainer(engine, { command: sh(`sleep 0.3; ${eat}`), resources: tight });
    const failed = await runContainer(engine, { command: sh("sleep 0.3; echo no luck >&2; exit 6") });
    const brief = await runContainer(engine, { command: sh("sleep 0.3"), autoRemove: true });
    await withoutEngine(() => sleep(1500));
    expect(await findContainer(engine, hungry)).toMatchObject({
      status: "exited",
      exitCode: 137,
      oomKilled: true,
      reason: "out of memory: its limit is 16 MB",
    });
    const { State } = await request("containers.inspect", { container: hungry });
    expect(State).toMatchObject({ OOMKilled: true, ExitCode: 137, Error: "" });
    expect(await findContainer(engine, failed)).toMatchObject({ exitCode: 6, reason: "exit code 6: no luck" });
    expect(await findContainer(engine, brief)).toBeUndefined();
    await Promise.all([remove(hungry), remove(failed)]);
  });
});

it("goes on where another of its processes is killed for want of memory, and tells of it", async () => {
  const hungry = "sleep 1.2; sh -c 'x=a; while :; do x=$x$x; done'; echo goes on; sleep 300";
  const id = await createContainer(engine, { command: sh(hungry), resources: tight });
  const events: string[] = [];
  const { close } = await engine.client.subscribe("events", { since: null, until: null }, (event) => {
    if (event.id === id) events.push(event.action);
  });
  await request("containers.start", { container: id });
  await eventually(async () => (await findContainer(engine, id))?.oomKilled === true);
  expect(await findContainer(engine, id)).toMatchObject({ status: "running", oomKilled: true });
  await request("containers.stop", { container: id, timeout: 0 });
  expect(events.filter((action) => action === "oom")).toHaveLength(1);
  await request("containers.start", { container: id });
  expect(await findContainer(engine, id)).toMatchObject({ oomKilled: false });
  close();
  await remove(id);
});

describe("a restart policy", () => {
  it("waits longer each time, and goes on where it was after the engine was killed", async () => {
    const id = await runContainer(engine, { command: sh("exit 1"), restartPolicy: always });
    await eventually(async () => ((await findContainer(engine, id))?.restartCount ?? 0) >= 3);
    await withoutEngine(async () => {});
    const before = (await findContainer(engine, id))?.restartCount ?? 0;
    expect(before).toBeGreaterThanOrEqual(3);
    // The pause is 800 ms by now: an engine that had forgotten it would begin with 100 ms.
    await eventually(async () => (await findContainer(engine, id))?.status === "restarting");
    await sleep(500);
    expect((await findContainer(engine, id))?.restartCount ?? 0).toBeLessThanOrEqual(before + 2);
    await eventually(async () => ((await findContainer(engine, id))?.restartCount ?? 0) > before);
    await request("containers.stop", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited" });
    await withoutEngine(async () => {});
    await sleep(300);
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited" });
    await remove(id);
  });

  it("goes on after a start by hand in one of its pauses that failed", async () => {
    const plain = {
      driver: "bridge",
      subnets: [],
      internal: false,
      enableIPv6: false,
      labels: {},
      options: {},
    } as const;
    await request("networks.create", { name: "goes", ...plain, subnets: [] });
    const id = await runContainer(engine, { command: sh("exit 1"), restartPolicy: always, network: "goes" });
    await eventually(async () => ((await findContainer(engine, id))?.restartCount ?? 0) >= 2);
    await eventually(() =>
      request("networks.remove", { network: "goes" }).then(
        () => true,
        () => false,
      ),
    );
    await expect(request("containers.start", { container: id })).rejects.toMatchObject({ code: "not-found" });
    expect(await findContainer(engine, id)).toMatchObject({ status: "restarting" });
    await request("networks.create", { name: "goes", ...plain, subnets: [] });
    await eventually(async () =>
      /^(running|1)$/.test(String((await findContainer(engine, id))?.exitCode ?? "running")),
    );
    await remove(id);
    await request("networks.remove", { network: "goes" });
  });

  it("of so many retries ends, and who waits learns of it", async () => {
    const policy = { name: "on-failure", maximumRetryCount: 2 } as const;
    const id = await runContainer(engine, { command: sh("exit 9"), restartPolicy: policy });
    expect(await request("containers.wait", { container: id, condition: "stopped" })).toEqual({ exitCode: 9 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited", restartCount: 2, exitCode: 9 });
    await remove(id);
  });
});
