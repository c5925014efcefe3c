import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { findInterpreter, isStaticProgram } from "../../../engine/lib/elf.ts";
import { explainMissing } from "../../../engine/runtime/explain-command.ts";

function bundleWith(command: string): string {
  const bundle = mkdtempSync(join(tmpdir(), "gantry-explain-"));
  onTestFinished(() => rmSync(bundle, { recursive: true }));
  mkdirSync(join(bundle, "rootfs/bin"), { recursive: true });
  const process = { args: [command], cwd: "/", env: ["PATH=/nowhere:/bin"] };
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ root: { path: "rootfs" }, process }));
  return bundle;
}

it("says which interpreter a script or a program lacks", () => {
  const bundle = bundleWith("script");
  writeFileSync(join(bundle, "rootfs/bin/script"), "#! /usr/bin/perl -w\n");
  chmodSync(join(bundle, "rootfs/bin/script"), 0o755);
  expect(explainMissing(bundle)).toBe("script needs /usr/bin/perl, which is not in the container");
  mkdirSync(join(bundle, "rootfs/usr/bin"), { recursive: true });
  writeFileSync(join(bundle, "rootfs/usr/bin/perl"), "x");
  expect(explainMissing(bundle)).toBeNull();

  const other = bundleWith("/bin/true");
  copyFileSync("/bin/true", join(other, "rootfs/bin/true"));
  expect(explainMissing(other)).toMatch(
    /^\/bin\/true needs \/lib.*\/ld-linux-.*\.so\.\d, which is not in the container$/,
  );
});

it("says nothing of a program that is not there, or of files outside", () => {
  const bundle = bundleWith("/bin/app");
  expect(explainMissing(bundle)).toBeNull();
  symlinkSync("/etc/passwd", join(bundle, "rootfs/bin/app"));
  expect(explainMissing(bundle)).toBeNull();
  expect(explainMissing("/nowhere")).toBeNull();
});

it("reads what starts a program, and survives nonsense", () => {
  expect(findInterpreter(readFileSync("/bin/true").subarray(0, 4096))).toMatch(/ld-linux/);
  expect(isStaticProgram(readFileSync("/bin/true").subarray(0, 4096))).toBe(false);
  const nonsense = Buffer.alloc(4096, 0xff);
  nonsense.write("\x7fELF", "latin1");
  expect(findInterpreter(nonsense)).toBeNull();
  expect(isStaticProgram(nonsense)).toBe(false);
});
