import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeSmallTree } from "../../../engine/layers/remove-tree.ts";

let place = "";
const tree = () => join(place, "tree");

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "small-tree-"));
  mkdirSync(join(tree(), "a/b"), { recursive: true });
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

it("removes what a container leaves that wrote little, links as links", () => {
  writeFileSync(join(place, "outside"), "kept");
  symlinkSync(place, join(tree(), "a/link"));
  writeFileSync(join(tree(), "a/b/file"), "text");
  expect(removeSmallTree(tree(), place, 4)).toBe(true);
  expect(existsSync(tree())).toBe(false);
  expect(existsSync(join(place, "outside"))).toBe(true);
});

it("leaves a tree of many entries to a worker", () => {
  for (let number = 0; number < 10; number += 1) writeFileSync(join(tree(), `${number}`), "");
  expect(removeSmallTree(tree(), place, 8)).toBe(false);
  expect(existsSync(tree())).toBe(true);
});

it("leaves a large file to a worker", () => {
  writeFileSync(join(tree(), "large"), Buffer.alloc(2 << 20));
  expect(removeSmallTree(tree(), place, 64)).toBe(false);
  expect(existsSync(join(tree(), "large"))).toBe(true);
});
