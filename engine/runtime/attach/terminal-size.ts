import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

/** conmon refuses more. */
const largestSize = 1000;

/** Tells the conmon whose files lie in `directory`. Does nothing where it has gone, or its process has no terminal. */
export async function resizeTerminal(directory: string, rows: number, columns: number): Promise<void> {
  const size = (value: number) => Math.min(Math.max(Math.trunc(value) || 1, 1), largestSize);
  const fifo = await open(join(directory, "ctl"), constants.O_WRONLY | constants.O_NONBLOCK).catch(() => null);
  // Without a reader conmon has gone, and the terminal with it.
  if (fifo === null) return;
  try {
    await fifo.write(`1 ${size(rows)} ${size(columns)}\n`);
  } finally {
    await fifo.close();
  }
}
