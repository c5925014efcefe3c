import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { settleCheckpoints } from "../../../engine/containers/checkpoints.ts";
import { criuReason } from "../../../engine/runtime/checkpoint.ts";

function checkpoints(files: Readonly<Record<string, readonly string[]>>): string {
  const directory = mkdtempSync(join(tmpdir(), "gantry-checkpoints-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, names] of Object.entries(files)) {
    mkdirSync(join(directory, "checkpoints", name), { recursive: true });
    for (const file of names) writeFileSync(join(directory, "checkpoints", name, file), "");
  }
  return directory;
}

it("finishes what criu had finished when the engine was killed, and takes away the rest", async () => {
  const whole = ["core-1.img", "inventory.img", "stats-dump"];
  const directory = checkpoints({
    old: whole,
    ".new-whole": whole,
    ".new-cut": ["core-1.img"],
    ".removed-gone": ["pages-1.img"],
  });
  expect(await settleCheckpoints(directory)).toBe(true);
  expect(readdirSync(join(directory, "checkpoints")).sort()).toEqual(["old", "whole"]);
  expect(await settleCheckpoints(directory)).toBe(false);
  expect(await settleCheckpoints("/nowhere")).toBe(false);
});

it("names the first thing that criu complains of", () => {
  const said = `(00.010) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds
Error (criu/kerndat.c:1615): kerndat_vdso_fill_symtable failed`;
  expect(criuReason(said)).toBe('criu says "vdso: Unexpected rt vDSO area bounds"');
  expect(criuReason("Looks good")).toBe("`criu check` fails");
});
