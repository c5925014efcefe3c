import { expect, it } from "vitest";
import { readIgnoreFile } from "../../../../engine/builder/context/ignore-file.ts";

it("reads patterns as docker does", () => {
  const text =
    "\ufefftest1\n/test2\n/a/file/here\n\n#comment\n lastfile \n# this is\r\n! /inverted/abs/path\n!\n! \n./x/../y/\n/\n #kept";
  expect(readIgnoreFile(text)).toEqual([
    "test1",
    "test2",
    "a/file/here",
    "lastfile",
    "!inverted/abs/path",
    "!",
    "!",
    "y",
    "/",
    "#kept",
  ]);
});
