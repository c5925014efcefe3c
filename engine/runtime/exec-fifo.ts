import { closeSync, constants, openSync, readSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds. The init process writes as soon as the fifo has a reader; on a busy machine that may take a while, and a reader that
 * goes before would take the byte with it.
 */
const patience = 20_000;

/**
 * Lets a container that runc has created begin, as `runc start` does: its init process waits until somebody reads the fifo
 * `exec.fifo` in its record (runc, libcontainer/README and container_linux.go, `Exec`); what has been read is removed, and runc
 * calls the container running from then on. Nothing waits between that read and the answer, so that the caller can put the start on
 * record before the container's first output arrives. Spares the start path a process of 5 ms. False where this was not possible, since
 * there is no fifo or its writer has died: `runc start` then says the reason.
 */
export async function openExecFifo(record: string, isAlive: () => boolean): Promise<boolean> {
  const path = join(record, "exec.fifo");
  const fifo = findFifo(path, constants.O_RDONLY);
  if (fifo === null) return false;
  try {
    const giveUpAt = performance.now() + patience;
    while (!hasByte(fifo)) {
      if (performance.now() > giveUpAt) return false;
      if (!isAlive()) {
        // It may have written, run and ended since the look above.
        if (hasByte(fifo)) break;
        return false;
      }
      await sleep(1);
    }
    rmSync(path, { force: true });
    return true;
  } finally {
    closeSync(fifo);
  }
}

/**
 * The same for crun, as `crun start` does: its init process waits until somebody writes into the fifo, which is removed first, so that from
 * then on crun calls the container running (crun, libcrun/status.c, `libcrun_status_write_exec_fifo`). False where nobody waits there:
 * `crun start` then says the reason.
 */
export function tellExecFifo(record: string): boolean {
  const path = join(record, "exec.fifo");
  const fifo = findFifo(path, constants.O_WRONLY);
  if (fifo === null) return false;
  try {
    unlinkSync(path);
    writeSync(fifo, "\0");
    return true;
  } catch {
    return false;
  } finally {
    closeSync(fifo);
  }
}

/** Without O_NONBLOCK a dead init would keep us for ever, here and in each read. */
function findFifo(path: string, access: number): number | null {
  try {
    return openSync(path, access | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

/** An end of file means that no writer is there yet; EAGAIN, that it has not written yet. */
function hasByte(fifo: number): boolean {
  try {
    return readSync(fifo, Buffer.alloc(1)) === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}
