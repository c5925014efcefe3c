import { constants } from "node:os";

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** `SIGKILL` of an exit code such as 137, which is 128 and the number of the signal; empty where it tells of none. */
export function signalOf(exitCode: number): string {
  if (exitCode <= 128) return "";
  const number = exitCode - 128;
  // Three names share a number with one that is known better.
  const known: Readonly<Record<number, string>> = { 6: "SIGABRT", 17: "SIGCHLD", 29: "SIGIO" };
  return known[number] ?? names.get(number) ?? (number >= 34 && number <= 64 ? `signal ${number}` : "");
}
