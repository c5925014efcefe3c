import { constants } from "node:os";
import { formatSignal } from "../host/signals.ts";

export type BadEnd = {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Bytes, or null for none. */
  readonly memoryLimit: number | null;
  /** The last lines it said, oldest first. */
  readonly lines: readonly { readonly stream: string; readonly text: string }[];
  /** What the command needs and the container lacks, asked for where the kernel did not find all of it. */
  readonly missing: () => string | null;
};

/** What a loader says of a library that the image lacks; musl goes on with a line for each symbol. */
const missingLibrary = /error while loading shared libraries|error loading shared library/i;
const longest = 240;
const sigkilled = 128 + constants.signals.SIGKILL;

const meanings: Readonly<Record<number, string>> = {
  [constants.signals.SIGABRT]: "it gave up by itself (abort)",
  [constants.signals.SIGBUS]: "bus error",
  [constants.signals.SIGFPE]: "arithmetic error",
  [constants.signals.SIGILL]: "illegal instruction: it may be made for another processor",
  [constants.signals.SIGSEGV]: "segmentation fault",
  [constants.signals.SIGSYS]: "a system call that its seccomp profile forbids",
};

/** One line that says why a container ended: what its exit code means, and what it said last. */
export function reasonOf(end: BadEnd): string {
  // Who is killed by SIGKILL cannot have known of it: what it said last is of other things.
  const said = end.exitCode === sigkilled ? "" : explain(lastWords(end.lines), end.missing);
  const meaning = meaningOf(end);
  return cut(said === "" ? meaning : `${meaning}: ${said}`);
}

function meaningOf({ exitCode, oomKilled, memoryLimit }: BadEnd): string {
  if (oomKilled) {
    const how = memoryLimit === null ? "out of memory" : `out of memory: its limit is ${megabytes(memoryLimit)}`;
    return exitCode === sigkilled ? how : `exit code ${exitCode}, ${how}`;
  }
  if (exitCode === 126) return "exit code 126 (a command could not be run)";
  if (exitCode === 127) return "exit code 127 (a command or library was not found)";
  const signal = exitCode - 128;
  if (signal < 1 || signal > 64) return `exit code ${exitCode}`;
  const meaning = meanings[signal];
  return `ended by ${formatSignal(signal)}${meaning === undefined ? "" : `, ${meaning}`}`;
}

/** What a runtime says where the kernel refuses the command is short: `exec /app: no such file or directory`. */
function explain(said: string, missing: BadEnd["missing"]): string {
  if (/^exec \S+: exec format error$/.test(said))
    return `${said} (no program for this machine, nor a script that begins with #!)`;
  if (!/^exec \S+: no such file or directory$/.test(said)) return said;
  return missing() ?? said;
}

function lastWords(lines: BadEnd["lines"]): string {
  const said = lines.map(({ stream, text }) => ({ stream, text: plain(text) })).filter(({ text }) => text !== "");
  const chosen =
    said.find(({ text }) => missingLibrary.test(text)) ??
    said.findLast(({ stream }) => stream === "stderr") ??
    said.at(-1);
  return chosen?.text ?? "";
}

/** Without what would move a cursor or change a colour. */
function plain(text: string): string {
  return text
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)/g, "")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ")
    .trim();
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

function megabytes(bytes: number): string {
  return `${Number((bytes / 1024 ** 2).toFixed(1))} MB`;
}
