import { expect, it } from "vitest";
import { WorkerPool } from "../../../engine/layers/worker-pool.ts";
import { WorkerStock } from "../../../engine/layers/worker-stock.ts";

const answering = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from "node:worker_threads";
    parentPort.on("message", ({ task }) => {
      if (task.kind === "fail") throw new Error("as asked");
      parentPort.postMessage({ kind: "done", result: threadId });
    });
  `)}`,
);

it("lends one pool the worker that another needs no more, and ends it when the last one is closed", async () => {
  const one = new WorkerPool<{ kind: "id" | "fail" }, { id: number; fail: number }>(1, answering);
  const other = new WorkerPool<{ kind: "id" | "fail" }, { id: number; fail: number }>(1, answering);
  const first = await one.run({ kind: "id" });
  expect(await other.run({ kind: "id" })).toBe(first);
  await one[Symbol.asyncDispose]();
  expect(await other.run({ kind: "id" })).toBe(first);
  await expect(one.run({ kind: "id" })).rejects.toMatchObject({ code: "unavailable" });
  await other[Symbol.asyncDispose]();

  const stock = WorkerStock.join(answering);
  const { promise, resolve } = Promise.withResolvers<number>();
  const holder = { onMessage: () => {}, onLoss: () => {} };
  const fresh = stock.take({ ...holder, onMessage: (_, message) => resolve((message as { result: number }).result) });
  fresh.postMessage({ task: { kind: "id" } });
  expect(await promise).not.toBe(first);
  stock.giveBack(fresh);
  await stock.leave();
});

it("gives nobody a worker that failed", async () => {
  const pool = new WorkerPool<{ kind: "id" | "fail" }, { id: number; fail: number }>(1, answering);
  const first = await pool.run({ kind: "id" });
  await expect(pool.run({ kind: "fail" })).rejects.toMatchObject({ code: "internal" });
  expect(await pool.run({ kind: "id" })).not.toBe(first);
  await pool[Symbol.asyncDispose]();
});
