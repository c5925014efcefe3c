import { expect, it } from "vitest";
import { Sweeper } from "../../../engine/images/sweeper.ts";

it("runs one sweep at a time, and one more for all who asked meanwhile", async () => {
  const said: string[] = [];
  const sweeper = new Sweeper(async () => {
    said.push("begins");
    await new Promise((resolve) => setTimeout(resolve, 5));
    said.push("ends");
  });
  const first = sweeper.request();
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect(said).toEqual(["begins"]);
  const others = [sweeper.request(), sweeper.request()];
  await first;
  expect(said.slice(0, 2)).toEqual(["begins", "ends"]);
  await Promise.all(others);
  expect(said).toEqual(["begins", "ends", "begins", "ends"]);
});

it("goes on after a sweep that failed", async () => {
  let count = 0;
  const sweeper = new Sweeper(async () => {
    if (++count === 1) throw new Error("no space");
  });
  await sweeper.request();
  await sweeper.request();
  expect(count).toBe(2);
});
