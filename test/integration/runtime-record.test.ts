import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { RuntimeProgram } from "../../engine/runtime/runtime-program.ts";
import { tempRoot } from "../support/temp-root.ts";

it("drops a record without what a killed restore has mounted in it", async () => {
  await using root = await tempRoot();
  mkdirSync(root.join("rootfs"));
  writeFileSync(root.join("rootfs/data"), "");
  mkdirSync(root.join("runtime/runc/abc/criu-root"), { recursive: true });
  execFileSync("mount", ["--bind", root.join("rootfs"), root.join("runtime/runc/abc/criu-root")]);

  await new RuntimeProgram("runc", root.path).forget("abc");

  expect(existsSync(root.join("runtime/runc/abc"))).toBe(false);
  expect(existsSync(root.join("rootfs/data"))).toBe(true);
});
