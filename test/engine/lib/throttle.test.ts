import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Throttle } from "../../../engine/lib/throttle.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("answers at once, then once an interval, and the last request always", () => {
  let calls = 0;
  const throttle = new Throttle(100, () => calls++);
  throttle.ask();
  expect(calls).toBe(1);
  throttle.ask();
  throttle.ask();
  expect(calls).toBe(1);
  vi.advanceTimersByTime(100);
  expect(calls).toBe(2);
  vi.advanceTimersByTime(1000);
  expect(calls).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});

it("does nothing more once disposed", () => {
  let calls = 0;
  const throttle = new Throttle(100, () => calls++);
  throttle.ask();
  throttle.ask();
  throttle[Symbol.dispose]();
  vi.advanceTimersByTime(1000);
  expect(calls).toBe(1);
});
