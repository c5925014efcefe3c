import { expect, it } from "vitest";
import { Holds } from "../../../engine/lib/holds.ts";

it("passes by what is held, also what was held for a moment since the sweep began", async () => {
  const holds = new Holds();
  const gone: string[] = [];
  const drop = (name: string) => async () => void gone.push(name);
  const held = await holds.hold(["held"]);
  using sweep = holds.beginSweep();
  (await holds.hold(["passing"]))[Symbol.dispose]();
  for (const name of ["held", "passing", "free"]) await sweep.drop(name, drop(name));
  expect(gone).toEqual(["free"]);
  held[Symbol.dispose]();
  using later = holds.beginSweep();
  for (const name of ["held", "passing"]) await later.drop(name, drop(name));
  expect(gone).toEqual(["free", "held", "passing"]);
});

it("lets a maker wait for a deletion under way, and counts holds", async () => {
  const holds = new Holds();
  const deleting = Promise.withResolvers<void>();
  using sweep = holds.beginSweep();
  const dropped = sweep.drop("a", () => deleting.promise);
  await Promise.resolve();
  let isHeld = false;
  const holding = holds.hold(["a", "a"]).then((hold) => {
    isHeld = true;
    return hold;
  });
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isHeld).toBe(false);
  deleting.resolve();
  await dropped;
  const first = await holding;
  const second = await holds.hold(["a"]);
  first[Symbol.dispose]();
  using next = holds.beginSweep();
  await next.drop("a", () => Promise.reject(new Error("it is held")));
  second[Symbol.dispose]();
});

it("does not hide a failed deletion from the sweep, but from who waits for it", async () => {
  const holds = new Holds();
  using sweep = holds.beginSweep();
  const dropped = sweep.drop("a", () => Promise.reject(new Error("no")));
  await Promise.resolve();
  await holds.hold(["a"]);
  await expect(dropped).rejects.toThrow("no");
});
