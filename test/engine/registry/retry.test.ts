import { expect, it } from "vitest";
import { RegistryFailure } from "../../../engine/registry/failures.ts";
import { parseRetryAfter, retryDelay, usualPatience, withRetries } from "../../../engine/registry/retry.ts";

const hasty = { ...usualPatience, firstDelay: 1 };

it("waits longer each time, and never all at the same time", () => {
  const delays = [1, 2, 3, 4, 20].map((failures) => retryDelay(failures, null, usualPatience, 1));
  expect(delays).toEqual([500, 1_000, 2_000, 4_000, 60_000]);
  expect(retryDelay(2, null, usualPatience, 0)).toBe(500);
});

it("waits as long as it is told, within reason", () => {
  expect(retryDelay(1, 7_000, usualPatience)).toBe(7_000);
  expect(retryDelay(1, 3_600_000, usualPatience)).toBe(60_000);
  expect(retryDelay(1, 0, usualPatience, 1)).toBe(500);
});

it.each([
  [undefined, null],
  ["3", 3_000],
  [" 0 ", 0],
  ["Fri, 13 Feb 2026 10:00:05 GMT", 5_000],
  ["Fri, 13 Feb 2026 09:00:00 GMT", 0],
  ["soon", null],
])("reads Retry-After %j", (header, expected) => {
  const now = Date.parse("2026-02-13T10:00:00Z");
  expect(parseRetryAfter(header, now)).toBe(expected);
});

it("tries five times, and says so", async () => {
  let tries = 0;
  const work = withRetries(hasty, new AbortController().signal, async () => {
    tries += 1;
    throw new RegistryFailure("unavailable", "registry a fails", { isTransient: true });
  });
  await expect(work).rejects.toMatchObject({ code: "unavailable", message: "registry a fails, 5 times in a row" });
  expect(tries).toBe(5);
});

it("does not try again what will not change", async () => {
  let tries = 0;
  const work = withRetries(hasty, new AbortController().signal, async () => {
    tries += 1;
    throw new RegistryFailure("not-found", "no such thing");
  });
  await expect(work).rejects.toMatchObject({ code: "not-found", message: "no such thing" });
  expect(tries).toBe(1);
});

it("stops waiting when it is cancelled", async () => {
  const abort = new AbortController();
  const work = withRetries(usualPatience, abort.signal, async () => {
    setTimeout(() => abort.abort(), 5);
    throw new RegistryFailure("unavailable", "busy", { isTransient: true, retryAfter: 50_000 });
  });
  const from = performance.now();
  await expect(work).rejects.toMatchObject({ code: "cancelled" });
  expect(performance.now() - from).toBeLessThan(1_000);
});
