import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createContainer, eventually, findContainer, runContainer } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine, request, remove } = engineOfFile();
const sh = (script: string) => ["sh", "-c", script];

describe("a stop", () => {
  const deaf = sh("trap '' TERM; while :; do sleep 0.05; done");

  it("says until when it waits, and several clients may stop at once", async () => {
    const id = await runContainer(engine, { command: deaf });
    const [slow, fast] = [await engine.connect(), await engine.connect()];
    const first = slow.request("containers.stop", { container: id, timeout: 60 });
    await eventually(async () => typeof (await findContainer(engine, id))?.stopDeadline === "string");
    const deadline = Date.parse((await findContainer(engine, id))?.stopDeadline ?? "");
    expect(deadline - Date.now()).toBeGreaterThan(50_000);
    const second = fast.request("containers.stop", { container: id, timeout: 1 });
    await eventually(async () => Date.parse((await findContainer(engine, id))?.stopDeadline ?? "") < deadline - 50_000);
    expect(await Promise.all([first, second])).toMatchObject([{ stopped: true }, { stopped: true }]);
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited", stopDeadline: null });
    slow.close();
    fast.close();
    await remove(id);
  });

  it("that waits for ever says so, and ends with a kill", async () => {
    const id = await runContainer(engine, { command: deaf });
    const stopped = request("containers.stop", { container: id, timeout: -1 });
    await eventually(async () => (await findContainer(engine, id))?.stopDeadline === "never");
    await request("containers.kill", { container: id, signal: "KILL" });
    expect(await stopped).toEqual({ stopped: true });
    await remove(id);
  });

  it("tells of a first process that has no handler for the signal", async () => {
    const [bare, tended] = await Promise.all([
      runContainer(engine, { name: "bare", command: ["sleep", "300"] }),
      runContainer(engine, { command: ["sleep", "300"], init: true }),
    ]);
    expect(await request("containers.stop", { container: bare, timeout: 1 })).toMatchObject({
      hint: expect.stringContaining("the first process of bare has no handler for SIGTERM"),
    });
    expect(await request("containers.stop", { container: tended, timeout: 5 })).toEqual({ stopped: true });
    await Promise.all([remove(bare), remove(tended)]);
  });
});

it("restarts a container that goes at its end, for two clients at once", async () => {
  const id = await runContainer(engine, { autoRemove: true });
  const other = await engine.connect();
  const restart = { container: id, timeout: 0 };
  await Promise.all([request("containers.restart", restart), other.request("containers.restart", restart)]);
  expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
  other.close();
  await remove(id);
});

it("finishes a restart in whose middle the engine was killed", async () => {
  const slow = sh("trap 'sleep 0.6; exit 0' TERM; echo up; while :; do sleep 0.02; done");
  const [plain, brief] = [
    await runContainer(engine, { command: slow }),
    await runContainer(engine, { command: slow, autoRemove: true }),
  ];
  await sleep(300);
  const before = [await findContainer(engine, plain), await findContainer(engine, brief)];
  for (const container of [plain, brief])
    request("containers.restart", { container, timeout: 20 }).catch(() => undefined);
  await eventually(async () => (await findContainer(engine, brief))?.stopDeadline !== null);
  await engine.stop("SIGKILL");
  await sleep(1000);
  await engine.start();
  for (const [index, id] of [plain, brief].entries()) {
    await eventually(async () => {
      const now = await findContainer(engine, id);
      return now?.status === "running" && now.startedAt !== before[index]?.startedAt;
    });
    await remove(id);
  }
  const stopped = await runContainer(engine, { command: slow });
  await sleep(300);
  request("containers.stop", { container: stopped, timeout: 20 }).catch(() => undefined);
  await eventually(async () => (await findContainer(engine, stopped))?.stopDeadline !== null);
  await engine.stop("SIGKILL");
  await sleep(1000);
  await engine.start();
  expect(await findContainer(engine, stopped)).toMatchObject({ status: "exited" });
  await remove(stopped);
});

it.each(["kill", "stop"] as const)(
  "brings nothing back that a %s by hand ended after its restart was cut off",
  async (verb) => {
    const container = await runContainer(engine, { command: ["sleep", "300"] });
    request("containers.restart", { container, timeout: 20 }).catch(() => undefined);
    await eventually(async () => (await findContainer(engine, container))?.stopDeadline !== null);
    await engine.stop("SIGKILL");
    await engine.start();
    expect(await findContainer(engine, container)).toMatchObject({ status: "running" });
    if (verb === "kill") await request("containers.kill", { container, signal: "KILL" });
    else await request("containers.stop", { container, timeout: 0 });
    await request("containers.wait", { container, condition: "stopped" });
    await sleep(500);
    expect(await findContainer(engine, container)).toMatchObject({ status: "exited" });
    await remove(container);
  },
);

it("prunes what does not run, with a look before", async () => {
  const [kept, running] = [await createContainer(engine, { labels: { keep: "" } }), await runContainer(engine)];
  const gone = await createContainer(engine, { name: "gone" });
  const filter = { until: null, labels: ["!keep"] };
  const preview = await request("containers.prune", { ...filter, dryRun: true });
  expect(preview.removed).toMatchObject([{ id: gone, name: "gone" }]);
  expect(await findContainer(engine, gone)).toBeDefined();
  expect(await request("containers.prune", { ...filter, until: "2020-01-01T00:00:00Z", dryRun: false })).toEqual({
    removed: [],
    bytes: 0,
  });
  expect((await request("containers.prune", { ...filter, dryRun: false })).removed).toMatchObject([{ name: "gone" }]);
  const left = (await request("containers.list", { all: true })).map(({ id }) => id);
  expect(left.sort()).toEqual([kept, running].sort());
  await Promise.all([remove(kept), remove(running)]);
});
