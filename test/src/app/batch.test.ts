import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Batch } from "../../../src/app/batch.ts";
import { createStore } from "../../../src/store/store.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function record() {
  const frames: string[] = [];
  const store = createStore<string, string>((state, action) => state + action, "");
  store.subscribe(() => frames.push(store.get()));
  return { frames, store };
}

it("gives the first at once, and what follows together", () => {
  const { frames, store } = record();
  using batch = new Batch(store);
  batch.add("a");
  batch.add("b");
  vi.advanceTimersByTime(5);
  expect(frames).toEqual(["ab"]);
  batch.add("c");
  vi.advanceTimersByTime(100);
  batch.add("d");
  vi.advanceTimersByTime(100);
  expect(frames).toEqual(["ab", "abcd"]);
});

it("lets samples wait for something to be drawn with, but not for ever", () => {
  const { frames, store } = record();
  using batch = new Batch(store, { isPatient: (action) => action === "s" });
  batch.add("s");
  vi.advanceTimersByTime(400);
  expect(frames).toEqual([]);
  batch.add("l");
  vi.advanceTimersByTime(5);
  expect(frames).toEqual(["sl"]);
  vi.advanceTimersByTime(1000);
  batch.add("s");
  vi.advanceTimersByTime(605);
  expect(frames).toEqual(["sl", "sls"]);
});
