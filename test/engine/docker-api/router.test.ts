import { expect, it } from "vitest";
import { parseVersion } from "../../../engine/docker-api/api-version.ts";
import { type Method, Router } from "../../../engine/docker-api/router.ts";

const route = (method: Method, path: string) => ({ method, path, handle: () => {} });
const router = new Router([
  route("GET", "/images/json"),
  route("GET", "/images/{name...}/json"),
  route("POST", "/containers/{id}/start"),
  route("DELETE", "/images/{name...}"),
]);
const find = (method: string, path: string) => {
  const match = router.find(method, path);
  return match === null ? null : [match.route.path, match.params.name ?? match.params.id ?? ""];
};

it.each([
  ["GET", "/images/json", ["/images/json", ""]],
  ["GET", "/images/a/b/json", ["/images/{name...}/json", "a/b"]],
  ["GET", "/images/a%2Fb%3A1/json", ["/images/{name...}/json", "a/b:1"]],
  ["DELETE", "/images/127.0.0.1:5000/a:1", ["/images/{name...}", "127.0.0.1:5000/a:1"]],
  ["POST", "/containers/web/start", ["/containers/{id}/start", "web"]],
  ["POST", "/containers/a%20b/start", ["/containers/{id}/start", "a b"]],
  ["POST", "/containers/a/b/start", null],
  ["POST", "/containers//start", null],
  ["GET", "/containers/web/start", null],
  ["POST", "/containers/web/start/", null],
  ["GET", "/images.json", null],
])("finds %s %s", (method, path, expected) => {
  expect(find(method, path)).toEqual(expected);
});

it("refuses what is not well encoded", () => {
  expect(() => find("POST", "/containers/%ff/start")).toThrow("the path is not well encoded");
});

it.each([
  ["1.24", 24],
  ["1.50", 50],
  [undefined, 50],
])("takes version %s", (text, minor) => {
  expect(parseVersion(text)).toBe(minor);
});

it.each(["1.51", "2.0", "1.23", "0.50", "1.0"])("refuses version %s", (text) => {
  expect(() => parseVersion(text)).toThrow(
    /^client version .* is too (new|old)\. (Maximum|Minimum) supported API version is/,
  );
});
