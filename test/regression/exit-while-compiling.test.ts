import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const home = join(import.meta.dirname, "../..");

/**
 * Exits while functions have just become worth compiling and buffers have filled the heap to its limit, as at the end of an upload
 * that failed. The argument says after how many calls.
 */
const program = `
const body = Array.from({ length: 60 }, (_, i) => "s = (s + i * " + i + ") | 0;").join("");
const works = Array.from({ length: 600 }, (_, n) =>
  new Function("count", "let s = " + n + "; for (let i = 0; i < count; i++) {" + body + "} return s;"));
const kept = [];
for (let n = 0; n < Number(process.argv[2]); n++) {
  works[n % 100](8);
  if (n % 4 === 0) kept.push(Buffer.allocUnsafeSlow(1 << 20));
}
process.exit(7);
`;

/** A Gantry whose program is another one: what is tried is how bin/gantry starts it. */
function installed(text: string): string {
  const place = mkdtempSync(join(tmpdir(), "gantry-exit-"));
  onTestFinished(() => rmSync(place, { recursive: true }));
  for (const directory of ["bin", "dist"]) mkdirSync(join(place, directory));
  copyFileSync(join(home, "bin/gantry"), join(place, "bin/gantry"));
  symlinkSync(realpathSync(process.execPath), join(place, "dist/node"));
  writeFileSync(join(place, "dist/gantry.cjs"), text);
  return join(place, "bin/gantry");
}

it("always ends, whatever V8 is compiling as a command exits", () => {
  const launcher = installed(program);
  const processor = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  for (let calls = 300; calls < 600; calls += 10) {
    // On one processor the threads of V8 are always behind.
    const { status, signal } = spawnSync("taskset", ["-c", processor, launcher, String(calls)], { timeout: 10_000 });
    expect({ calls, status, signal }).toEqual({ calls, status: 7, signal: null });
  }
}, 60_000);
