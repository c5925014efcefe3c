import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createContainer,
  eventually,
  findContainer,
  openSession,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { findOrphans, listTraces } from "../support/fault-traces.ts";

let engine: TestEngine;
let before: string[];
beforeAll(async () => {
  engine = await startTestEngine();
  before = listTraces(engine.config, engine.pid);
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)));
const succeeded = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.filter(({ status }) => status === "fulfilled").length;
const nothingIsLeft = () =>
  eventually(() => JSON.stringify(listTraces(engine.config, engine.pid)) === JSON.stringify(before));

it("runs thirty that remove themselves at once", async () => {
  const results = await times(30, async () => {
    const container = await createContainer(engine, { command: ["true"], autoRemove: true });
    const ended = request("containers.wait", { container, condition: "removed" });
    await request("containers.start", { container });
    return (await ended).exitCode;
  });
  expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
    new Set(['{"status":"fulfilled","value":0}']),
  );
  await nothingIsLeft();
});

it("gives a name once", async () => {
  const results = await times(30, () => createContainer(engine, { name: "same" }));
  expect(succeeded(results)).toBe(1);
  await remove("same");
  await nothingIsLeft();
});

it("makes up a name of its own for each of two hundred", async () => {
  const results = await times(200, () => createContainer(engine));
  expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
  const names = (await request("containers.list", { all: true })).map(({ name }) => name);
  expect(new Set(names).size).toBe(200);
  await times(200, (index) => remove(names[index] ?? ""));
  await nothingIsLeft();
});

it("does the same act of many clients once", async () => {
  const container = await createContainer(engine);
  const started = await times(10, () => request("containers.start", { container }));
  expect(started.filter((one) => one.status === "fulfilled" && one.value.started)).toHaveLength(1);
  const { pid } = (await findContainer(engine, container)) ?? {};
  const exec = { container, command: ["sh", "-c", "echo hi; exit 4"], environment: [], terminal: false };
  const ends = await times(20, async () => {
    const { stream, output } = await openSession(engine, (streamID) =>
      request("containers.exec", { ...exec, openStdin: false, privileged: false, streamID }),
    );
    return { ...(await stream.ended), ...output };
  });
  for (const end of ends) expect(end).toMatchObject({ value: { exitCode: 4, stdout: "hi\n" } });
  expect((await findContainer(engine, container))?.pid).toBe(pid);
  expect(succeeded(await times(10, () => request("containers.stop", { container, timeout: 0 })))).toBe(10);
  expect((await findContainer(engine, container))?.status).toBe("exited");
  expect(succeeded(await times(5, () => remove(container)))).toBeGreaterThan(0);
  await nothingIsLeft();
});

it("removes by force also what is being started", async () => {
  for (const pause of [0, 10, 25, 50, 80]) {
    const container = await createContainer(engine);
    const started = request("containers.start", { container }).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, pause));
    await remove(container);
    await started;
    expect(await findContainer(engine, container)).toBeUndefined();
  }
  await nothingIsLeft();
});

it("stays whole when everything is asked of one container at once", async () => {
  for (let round = 0; round < 5; round++) {
    const container = await runContainer(engine, { name: "mix" });
    const acts = [
      () => request("containers.start", { container }),
      () => request("containers.stop", { container, timeout: 0 }),
      () => request("containers.restart", { container, timeout: 0 }),
      () => request("containers.kill", { container, signal: "SIGKILL" }),
      () => request("containers.rename", { container, name: `mix-${round}` }),
      ...(round < 3 ? [] : [() => remove(container)]),
    ];
    await times(20, async (index) => acts[(index * 7 + round) % acts.length]?.());
    const listed = await request("containers.list", { all: true });
    await eventually(() => findOrphans(engine.config, listed, engine.pid).length === 0);
    await remove(container).catch(() => null);
  }
  await nothingIsLeft();
});

it("ends in time while clients are in the middle of everything, and knows all containers afterwards", async () => {
  const clients = times(6, (index) => runContainer(engine, { name: `late-${index}` }));
  await new Promise((resolve) => setTimeout(resolve, 120));
  const begin = Date.now();
  await engine.stop("SIGTERM");
  expect(Date.now() - begin).toBeLessThan(5000);
  await clients;
  await engine.start();
  const listed = await request("containers.list", { all: true });
  await eventually(() => findOrphans(engine.config, listed, engine.pid).length === 0);
  for (const { id } of listed) await remove(id);
  await nothingIsLeft();
});
