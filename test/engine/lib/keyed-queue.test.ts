import { expect, it } from "vitest";
import { KeyedQueue } from "../../../engine/lib/keyed-queue.ts";

it("runs works of one key in order and of others at once", async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = queue.run("a", async () => {
    await first.promise;
    seen.push("a1");
  });
  const two = queue.run("a", async () => void seen.push("a2"));
  await queue.run("b", async () => void seen.push("b"));
  expect(seen).toEqual(["b"]);
  first.resolve();
  await Promise.all([one, two]);
  expect(seen).toEqual(["b", "a1", "a2"]);
});

it("goes on behind a failed work", async () => {
  const queue = new KeyedQueue();
  const failed = queue.run("a", () => Promise.reject(new Error("no")));
  const next = queue.run("a", async () => 7);
  await expect(failed).rejects.toThrow("no");
  expect(await next).toBe(7);
  await queue.idle();
});
