import { expect, it } from "vitest";
import { Batched } from "../../../engine/lib/batched.ts";

it("runs once more for all who asked while it ran", async () => {
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const batched = new Batched(async () => {
    runs++;
    if (runs === 1) await gate.promise;
  });
  const first = batched.request();
  await new Promise((resolve) => setTimeout(resolve, 1));
  const others = [batched.request(), batched.request()];
  expect(runs).toBe(1);
  gate.resolve();
  await Promise.all([first, ...others]);
  expect(runs).toBe(2);
});

it("tells a failure to those whose run it was, and goes on", async () => {
  let runs = 0;
  const batched = new Batched(async () => {
    if (++runs === 1) throw new Error("no space");
  });
  const results = await Promise.allSettled([batched.request(), batched.request()]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await batched.request();
  expect(runs).toBe(2);
});
