import { expect, it } from "vitest";
import { formatPathStat, goFileMode } from "../../../engine/docker-api/path-stat.ts";

it.each([
  [0o100644, 0o644],
  [0o104755, 2 ** 23 + 0o755],
  [0o102755, 2 ** 22 + 0o755],
  [0o041777, 2 ** 31 + 2 ** 20 + 0o777],
  [0o120777, 2 ** 27 + 0o777],
  [0o060660, 2 ** 26 + 0o660],
  [0o020666, 2 ** 26 + 2 ** 21 + 0o666],
  [0o010644, 2 ** 25 + 0o644],
  [0o140755, 2 ** 24 + 0o755],
])("writes %o as Go does", (mode, expected) => {
  expect(goFileMode(mode)).toBe(expected);
});

it("has docker's names", () => {
  const stat = { name: "é", size: 3, mode: 0o100600, modifiedAt: "2026-11-22T01:38:45.000Z", linkTarget: "" };
  expect(JSON.parse(Buffer.from(formatPathStat(stat), "base64").toString())).toEqual({
    name: "é",
    size: 3,
    mode: 0o600,
    mtime: "2026-11-22T01:38:45.000Z",
    linkTarget: "",
  });
});
