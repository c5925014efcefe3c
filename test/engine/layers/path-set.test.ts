import { expect, it } from "vitest";
import { PathSet } from "../../../engine/layers/path-set.ts";

it("knows which paths were there, of very many", () => {
  const paths = new PathSet();
  for (let number = 0; number < 200_000; number++) paths.add(`usr/share/doc/package-${number % 400}/file-${number}`);
  for (let number = 0; number < 200_000; number += 7) {
    expect(paths.has(`usr/share/doc/package-${number % 400}/file-${number}`)).toBe(true);
    expect(paths.has(`usr/share/doc/package-${number % 400}/file+${number}`)).toBe(false);
  }
});

it("takes a path twice, the empty one, and bytes that are no text", () => {
  const paths = new PathSet();
  for (const path of ["", "a", "a", "caf\xe9", "\x00"]) paths.add(path);
  for (const path of ["", "a", "caf\xe9", "\x00"]) expect(paths.has(path)).toBe(true);
  for (const path of ["b", "aa", "caf", "\x01"]) expect(paths.has(path)).toBe(false);
});
