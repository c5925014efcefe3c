import type { Stats } from "node:fs";
import { expect, it } from "vitest";
import { ChangeFilter } from "../../../engine/layers/change-filter.ts";

type Found = readonly [path: string, kind: "added" | "changed" | "deleted", size?: number];

/** Paths that come through; a size makes a file, none a directory. */
function through(found: readonly Found[], limit = 100): string[] {
  const told: string[] = [];
  const filter = new ChangeFilter(["etc/hosts", "etc/deep/hosts", "dev", "dev/console"], (path) => {
    if (told.length === limit) return false;
    told.push(path);
    return true;
  });
  const stat = (size?: number) => ({ isFile: () => size !== undefined, isDirectory: () => size === undefined, size });
  const isWhole = found.every(([path, kind, size]) => filter.visit(path, kind, stat(size) as unknown as Stats));
  if (isWhole) filter.finish();
  return told;
}

it.each<[string, Found[], string[]]>([
  [
    "hides mount points and the parents made for them",
    [
      ["etc", "changed"],
      ["etc/hosts", "added", 0],
    ],
    [],
  ],
  [
    "keeps parents in which something else was changed",
    [
      ["etc", "changed"],
      ["etc/hosts", "added", 0],
      ["etc/motd", "added", 5],
    ],
    ["etc", "etc/motd"],
  ],
  ["keeps parents that were changed themselves", [["etc", "changed"]], ["etc"]],
  [
    "keeps what was removed",
    [
      ["etc", "changed"],
      ["etc/hosts", "deleted", 0],
    ],
    ["etc", "etc/hosts"],
  ],
  [
    "keeps what has content",
    [
      ["etc", "changed"],
      ["etc/hosts", "changed", 9],
    ],
    ["etc", "etc/hosts"],
  ],
  [
    "keeps what lies in a mount point",
    [
      ["dev", "added"],
      ["dev/console", "added", 0],
      ["dev/own", "added", 0],
    ],
    ["dev/own"],
  ],
  [
    "looks at each level",
    [
      ["etc", "changed"],
      ["etc/deep", "changed"],
      ["etc/deep/hosts", "added", 0],
      ["usr", "changed"],
    ],
    ["usr"],
  ],
  [
    "keeps an inner directory with those around it",
    [
      ["etc", "changed"],
      ["etc/deep", "changed"],
      ["etc/hosts", "added", 0],
    ],
    ["etc", "etc/deep"],
  ],
])("%s", (_what, found, told) => {
  expect(through(found)).toEqual(told);
});

it("stops where it is told to", () => {
  expect(
    through(
      [
        ["a", "added", 1],
        ["b", "added", 1],
        ["c", "added", 1],
      ],
      2,
    ),
  ).toEqual(["a", "b"]);
});
