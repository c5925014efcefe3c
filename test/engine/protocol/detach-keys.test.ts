import { expect, it } from "vitest";
import { findDetachKeys } from "../../../engine/protocol/detach-keys.ts";

it.each([
  ["ctrl-p,ctrl-q", [16, 17]],
  ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
  ["a,B", [97, 66]],
  ["", []],
])("reads %s", (text, bytes) => {
  expect(findDetachKeys(text)).toEqual(Buffer.from(bytes));
});

it.each(["ctrl-", "ctrl-1", "ab", "a,,b", "ü"])("refuses %s", (text) => {
  expect(findDetachKeys(text)).toBeNull();
});
