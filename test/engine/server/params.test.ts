import { expect, it } from "vitest";
import { refusalOf } from "../../../engine/lib/refusal.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";
import { methods } from "../../../engine/protocol/methods.ts";
import { parseParams } from "../../../engine/server/params.ts";

it("names the field that is wrong and why", () => {
  const bad = { container: "web", timeout: "10" };
  expect(() => parseParams(methods["containers.stop"].params, bad, "containers.stop")).toThrow(
    "containers.stop: timeout: invalid input: expected number, received string",
  );
  expect(() => parseParams(methods["containers.stop"].params, 7, "containers.stop")).toThrow(
    "containers.stop: invalid input: expected object, received number",
  );
});

it("takes whole numbers only where the kernel does", () => {
  const check = (changes: object) => () =>
    parseParams(methods["containers.create"].params, { ...emptyCreateRequest("busybox"), ...changes }, "create");
  expect(check({ resources: { ...unlimited, memory: 2 ** 30, memorySwap: -1 } })).not.toThrow();
  for (const memory of [1e7 + 0.5, 1e300]) {
    expect(check({ resources: { ...unlimited, memory } })).toThrow("create: resources.memory: ");
  }
  expect(check({ shmSize: 1e21 })).toThrow("create: shmSize: ");
  expect(check({ ulimits: [{ name: "nofile", soft: 1.5, hard: 2 }] })).toThrow("create: ulimits[0].soft: ");
  expect(check({ stopTimeout: 0.5 })).toThrow("create: stopTimeout: ");
});

it("refuses what a browser sends", () => {
  expect(refusalOf({ headers: { host: "localhost" } })).toBeNull();
  expect(refusalOf({ headers: { origin: "null" } })?.status).toBe(403);
  expect(refusalOf({ headers: { "sec-fetch-site": "same-origin" } })?.status).toBe(403);
});
