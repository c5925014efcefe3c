import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { abortable } from "../../../engine/lib/abortable.ts";

it("fails when it is aborted, even by a source that keeps silent", async () => {
  const stop = new AbortController();
  async function* silent() {
    yield 1;
    await new Promise(() => {});
  }
  const seen: number[] = [];
  const reading = (async () => {
    for await (const item of abortable(silent(), stop.signal, "load")) seen.push(item);
  })();
  setTimeout(() => stop.abort(), 5);
  await expect(reading).rejects.toMatchObject({ code: "cancelled", message: "load was cancelled" });
  expect(seen).toEqual([1]);
});

it("tells the source when its reader leaves", async () => {
  let isClosed = false;
  async function* source() {
    try {
      yield 1;
      yield 2;
    } finally {
      isClosed = true;
    }
  }
  for await (const _ of abortable(source(), new AbortController().signal, "load")) break;
  expect(isClosed).toBe(true);
});

it("keeps no chunk that was read", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const chunks: WeakRef<object>[] = [];
  async function* source() {
    for (let index = 0; index < 100; index++) {
      const chunk = { index };
      chunks.push(new WeakRef(chunk));
      yield chunk;
    }
  }
  let alive = 0;
  for await (const { index } of abortable(source(), new AbortController().signal, "load")) {
    if (index !== 99) continue;
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    alive = chunks.filter((chunk) => chunk.deref() !== undefined).length;
  }
  expect(alive).toBeLessThan(10);
});
