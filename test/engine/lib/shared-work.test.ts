import { expect, it } from "vitest";
import { SharedWork } from "../../../engine/lib/shared-work.ts";

function slowWork() {
  const done = Promise.withResolvers<string>();
  let report: (step: number) => void = () => {};
  let signal: AbortSignal | null = null;
  const work = new SharedWork<number, string>((aborted, tell) => {
    signal = aborted;
    report = tell;
    aborted.addEventListener("abort", () => done.reject(new Error("aborted")));
    return done.promise;
  });
  return { work, done, report: (step: number) => report(step), isAborted: () => signal?.aborted === true };
}

it("gives its result and its newest report to all who joined", async () => {
  const { work, done, report } = slowWork();
  const heard: number[][] = [[], []];
  const first = work.join(new AbortController().signal, (step) => heard[0]?.push(step));
  report(1);
  const second = work.join(new AbortController().signal, (step) => heard[1]?.push(step));
  report(2);
  done.resolve("done");
  expect(await Promise.all([first, second])).toEqual(["done", "done"]);
  expect(heard).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

it("goes on while one of them is left, and is aborted with the last", async () => {
  const { work, isAborted } = slowWork();
  const [one, other] = [new AbortController(), new AbortController()];
  const joins = [one, other].map(({ signal }) => work.join(signal, () => {}));
  one.abort();
  await expect(joins[0]).rejects.toMatchObject({ code: "cancelled" });
  expect(isAborted()).toBe(false);
  expect(work.isAbandoned).toBe(false);
  other.abort();
  await expect(joins[1]).rejects.toMatchObject({ code: "cancelled" });
  expect(isAborted()).toBe(true);
  expect(work.isAbandoned).toBe(true);
  await work.ended;
});
