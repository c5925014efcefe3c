import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseCapability, parseCapabilityMask, readOwnCapabilities } from "../../../engine/host/capabilities.ts";
import {
  hasProcess,
  identifyProcess,
  isAlive,
  isRunning,
  parseStat,
  signalProcess,
} from "../../../engine/host/processes.ts";
import { formatSignal, parseSignal } from "../../../engine/host/signals.ts";

it.each([
  ["SIGTERM", 15],
  ["term", 15],
  ["9", 9],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
  ["RTMIN", 34],
])("reads signal %s", (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

it.each(["", "0", "65", "SIGNOPE", "RTMIN+40", "-9"])("refuses signal %j", (text) => {
  expect(() => parseSignal(text)).toThrow("is not known");
});

it("writes signals", () => {
  expect([15, 6, 37, 32].map(formatSignal)).toEqual(["SIGTERM", "SIGABRT", "SIGRTMIN+3", "SIG32"]);
});

it("tells a process from a later one with its pid", async () => {
  const child = spawn("sleep", ["100"]);
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === null) throw new Error("no such process");
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, startTime: identity.startTime - 1 })).toBe(false);
  expect(signalProcess({ ...identity, startTime: identity.startTime - 1 }, 9)).toBe(false);
  expect(signalProcess(identity, 9)).toBe(true);
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
  expect(identifyProcess(0)).toBeNull();
});

it("takes a zombie for ended, and no program for one because of its name", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-zombie-"));
  const program = join(directory, "a) Z (b) X");
  copyFileSync("/bin/sleep", program);
  // What it was before it became a sleep has a child that nobody waits for now; it must not end before, or the shell may.
  const child = spawn("sh", ["-c", 'sleep 0.5 & echo $!; exec "$0" 100', program]);
  try {
    const [line] = await once(child.stdout, "data");
    const orphan = Number(line);
    await expect.poll(() => readFileSync(`/proc/${child.pid}/comm`, "utf8")).toBe("a) Z (b) X\n");
    expect(isRunning(child.pid ?? 0)).toBe(true);
    await expect.poll(() => isRunning(orphan), { timeout: 10_000 }).toBe(false);
    expect(hasProcess(orphan)).toBe(true);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(directory, { recursive: true });
  }
  expect(isRunning(child.pid ?? 0)).toBe(false);
  expect(isRunning(0)).toBe(false);
});

it("reads the stat of a program with an odd name", () => {
  const fields = Array.from({ length: 20 }, (_, index) => String(index)).join(" ");
  expect(parseStat(`7 (a) (S 1 b) R ${fields}`)).toEqual({ state: "R", startTime: 18 });
});

it("knows capabilities by name and bit", () => {
  expect(parseCapability("net_admin")).toBe("CAP_NET_ADMIN");
  expect(parseCapabilityMask("0000000000000003")).toEqual(["CAP_CHOWN", "CAP_DAC_OVERRIDE"]);
  expect(readOwnCapabilities("CapPrm:\t0000000000000001\nCapBnd:\t0000000000000003\n")).toEqual(["CAP_CHOWN"]);
});
