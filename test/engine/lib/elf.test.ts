import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { isStaticProgram } from "../../../engine/lib/elf.ts";

it("tells static programs from those that need an interpreter", () => {
  expect(isStaticProgram(readFileSync("/bin/busybox"))).toBe(true);
  expect(isStaticProgram(readFileSync(process.execPath).subarray(0, 65_536))).toBe(false);
  expect(isStaticProgram(Buffer.from("#!/bin/sh\n".repeat(10)))).toBe(false);
  expect(isStaticProgram(Buffer.alloc(0))).toBe(false);
  expect(isStaticProgram(readFileSync("/bin/busybox").subarray(0, 80))).toBe(false);
});
