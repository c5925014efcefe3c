import { expect, it } from "vitest";
import { methods } from "../../../engine/protocol/methods.ts";
import { parseParams } from "../../../engine/server/params.ts";
import { refusalOf } from "../../../engine/server/refusal.ts";

it("names the field that is wrong and why", () => {
  const bad = { container: "web", timeout: "10" };
  expect(() => parseParams(methods["containers.stop"].params, bad, "containers.stop")).toThrow(
    "containers.stop: timeout: invalid input: expected number, received string",
  );
  expect(() => parseParams(methods["containers.stop"].params, 7, "containers.stop")).toThrow(
    "containers.stop: invalid input: expected object, received number",
  );
});

it("refuses what a browser sends", () => {
  expect(refusalOf({ headers: { host: "localhost" } })).toBeNull();
  expect(refusalOf({ headers: { origin: "null" } })?.status).toBe(403);
  expect(refusalOf({ headers: { "sec-fetch-site": "same-origin" } })?.status).toBe(403);
});
