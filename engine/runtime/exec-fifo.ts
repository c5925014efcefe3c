import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
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
 * calls the container running from then on. Spares the start path a process of 5 ms. False where this was not possible, since
 * there is no fifo or its writer has died: `runc start` then says the reason.
 */
export async function openExecFifo(record: string, isAlive: () => boolean): Promise<boolean> {
  const path = join(record, "exec.fifo");
  // Without O_NONBLOCK a dead init would keep the thread that opens for ever.
  const fifo = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (fifo === null) return false;
  try {
    const giveUpAt = performance.now() + patience;
    while (!(await hasByte(fifo))) {
      if (performance.now() > giveUpAt) return false;
      if (!isAlive()) {
        // It may have written, run and ended since the look above.
        if (await hasByte(fifo)) break;
        return false;
      }
      await sleep(1);
    }
    await rm(path, { force: true });
    return true;
  } finally {
    await fifo.close();
  }
}

/** An end of file means that no writer is there yet; EAGAIN, that it has not written yet. */
async function hasByte(fifo: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  try {
    const { bytesRead } = await fifo.read(Buffer.alloc(1), 0, 1, null);
    return bytesRead === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}
