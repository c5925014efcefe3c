import { constants } from "node:os";
import { EngineError } from "../errors.ts";

/** The C library keeps 32 and 33 for itself (signal(7)). */
const realTimeMinimum = 34;
const realTimeMaximum = 64;
const numbers: Readonly<Record<string, number>> = constants.signals;

/**
 * Number of a signal written as docker allows it: `SIGTERM`, `term`, `15`, `SIGRTMIN+3`, `RTMAX-1`.
 * Fails with `invalid-argument`.
 */
export function parseSignal(text: string): number {
  const number = findSignal(text);
  if (number !== null) return number;
  throw new EngineError("invalid-argument", `signal ${JSON.stringify(text)} is not known`, {
    hint: "use a name such as SIGTERM or a number from 1 to 64",
    exitCode: 125,
  });
}

/** The same, or null. */
export function findSignal(text: string): number | null {
  const name = text.trim().toUpperCase().replace(/^SIG/, "");
  const number = /^\d{1,2}$/.test(name) ? Number(name) : (numbers[`SIG${name}`] ?? realTimeSignal(name));
  return number !== null && number >= 1 && number <= realTimeMaximum ? number : null;
}

/** `SIGTERM` for 15; `SIGRTMIN+n` for the real time ones. */
export function formatSignal(number: number): string {
  const name = Object.keys(numbers).find((key) => numbers[key] === number && key !== "SIGIOT" && key !== "SIGPOLL");
  if (name !== undefined) return name;
  return number >= realTimeMinimum ? `SIGRTMIN+${number - realTimeMinimum}` : `SIG${number}`;
}

function realTimeSignal(name: string): number | null {
  const match = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (match === null) return null;
  const base = match[1] === "MIN" ? realTimeMinimum : realTimeMaximum;
  const number = base + (match[2] === "-" ? -1 : 1) * Number(match[3] ?? "0");
  return number >= realTimeMinimum && number <= realTimeMaximum ? number : null;
}
