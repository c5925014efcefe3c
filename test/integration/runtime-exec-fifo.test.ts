import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openExecFifo, tellExecFifo } from "../../engine/runtime/exec-fifo.ts";

function record(): string {
  const directory = mkdtempSync(join(tmpdir(), "gantry-fifo-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  execFileSync("mkfifo", [join(directory, "exec.fifo")]);
  return directory;
}

it("sees a process begin that has ended by the time one looks for it", async () => {
  const directory = record();
  // Writes and is gone between the look at the fifo and the look at the process.
  const isAlive = () => {
    writeFileSync(join(directory, "exec.fifo"), "0");
    return false;
  };
  expect(await openExecFifo(directory, isAlive)).toBe(true);
  expect(existsSync(join(directory, "exec.fifo"))).toBe(false);
});

it("leaves the fifo to runc where its writer has died, or where there is none", async () => {
  const directory = record();
  expect(await openExecFifo(directory, () => false)).toBe(false);
  expect(existsSync(join(directory, "exec.fifo"))).toBe(true);
  expect(await openExecFifo(join(directory, "nobody"), () => true)).toBe(false);
});

it("tells crun's process to begin, once", () => {
  const directory = record();
  const path = join(directory, "exec.fifo");
  const waiting = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    expect(tellExecFifo(directory)).toBe(true);
    expect(existsSync(path)).toBe(false);
    expect(readSync(waiting, Buffer.alloc(8))).toBe(1);
    expect(tellExecFifo(directory)).toBe(false);
  } finally {
    closeSync(waiting);
  }
});

it("leaves the fifo to crun where nobody waits there any more", () => {
  const directory = record();
  expect(tellExecFifo(directory)).toBe(false);
  expect(existsSync(join(directory, "exec.fifo"))).toBe(true);
});
