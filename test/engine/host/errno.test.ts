import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { EngineError } from "../../../engine/errors.ts";
import { errnoError, errnoOf, SyscallError } from "../../../engine/host/errno.ts";

it("says in words why the kernel refused, and what to do", () => {
  expect(errnoError("write web", new SyscallError("write", "ENOSPC"))).toMatchObject({
    code: "resource-exhausted",
    message: "write web: no space left on the disk",
    hint: expect.stringContaining("gantry rmi"),
  });
  expect(errnoError("mount web", new SyscallError("mount", "EXDEV"))).toMatchObject({
    code: "internal",
    message: "mount web: mount: EXDEV",
  });
  expect(errnoError("read web", new SyscallError("read", "EXDEV"), "corrupt").code).toBe("corrupt");
});

it("keeps the code of what is an engine error already", () => {
  const inner = new EngineError("corrupt", "bad tar", { hint: "get it again" });
  expect(errnoError("unpack", inner)).toMatchObject({
    code: "corrupt",
    message: "unpack: bad tar",
    hint: "get it again",
  });
});

it("reads the name of Node's own failures, and of nothing else", () => {
  const failure = (() => {
    try {
      return readFileSync("/nonexistent");
    } catch (error) {
      return error;
    }
  })();
  expect(errnoOf(failure)).toBe("ENOENT");
  expect(errnoOf(Object.assign(new Error("x"), { code: "ERR_STREAM" }))).toBeNull();
  expect(errnoOf("ENOENT")).toBeNull();
});
