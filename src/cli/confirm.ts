import { createInterface } from "node:readline";

/** Asks on stdout and reads a line of stdin, whatever that is: only `y` is a yes, as docker's. */
export async function confirm(question: string): Promise<boolean> {
  process.stdout.write(`${question} [y/N] `);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim().toLowerCase() === "y";
    return false;
  } finally {
    lines.close();
  }
}
