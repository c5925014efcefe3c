import { expect, it } from "vitest";
import { settleAll } from "../../../engine/lib/settle.ts";

it("gives all results", async () => {
  expect(await settleAll([Promise.resolve(1), Promise.resolve("b")])).toEqual([1, "b"]);
});

it("fails only when nothing is under way any more", async () => {
  let isDone = false;
  const slow = new Promise<void>((resolve) => setTimeout(resolve, 20)).then(() => {
    isDone = true;
  });
  await expect(settleAll([Promise.reject(new Error("first")), slow])).rejects.toThrow("first");
  expect(isDone).toBe(true);
});
