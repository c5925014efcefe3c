import type { ProgressPart } from "../../engine/protocol/rpc.ts";
import { formatBytesFinely } from "../format/bytes.ts";

export type TransferKind = "pull" | "push" | "load";

type Phase = ProgressPart["phase"];

const pullWords: Readonly<Record<Phase, string>> = {
  waiting: "Pulling fs layer",
  downloading: "Downloading",
  uploading: "Uploading",
  unpacking: "Extracting",
  present: "Already exists",
  mounted: "Mounted",
  done: "Pull complete",
};
const pushWords = { waiting: "Preparing", uploading: "Pushing", present: "Layer already exists", done: "Pushed" };
const loadWords = { unpacking: "Loading layer", done: "Loading layer", present: "Already exists" };

/** Docker's words for what happens to a layer. */
export const words: Readonly<Record<TransferKind, Readonly<Record<Phase, string>>>> = {
  pull: pullWords,
  push: { ...pullWords, ...pushWords },
  load: { ...pullWords, ...loadWords },
};

/** `3f2a…: Downloading [====>      ]  1.2MB/30MB` in at most `width` columns. */
export function layerLine(kind: TransferKind, part: ProgressPart, width: number): string {
  const text = `${part.id}: ${words[kind][part.phase]}`;
  if (!isUnderWay(part.phase)) return text.slice(0, width);
  const amount = amountOf(part);
  const room = width - text.length - Math.max(amount.length, amountWidth) - 5;
  const bar = part.total === null || room < 10 ? "" : `${barOf(part.current / (part.total || 1), Math.min(50, room))} `;
  return `${text} ${bar}${amount}`.slice(0, width);
}

export function isUnderWay(phase: Phase): boolean {
  return phase === "downloading" || phase === "uploading" || phase === "unpacking";
}

/** `999.9kB/999.9kB`: bars keep their length while numbers change. */
const amountWidth = 17;

function amountOf({ current, total }: ProgressPart): string {
  const done = formatBytesFinely(current).padStart(8);
  return total === null || current > total ? done : `${done}/${formatBytesFinely(total)}`;
}

function barOf(share: number, cells: number): string {
  const filled = Math.min(cells, Math.max(0, Math.floor(share * cells)));
  return `[${"=".repeat(filled)}>${" ".repeat(cells - filled)}]`;
}

/** At most `height` lines: what is under way first, and what had to be left out in a last line. */
export function fitLayers(kind: TransferKind, parts: readonly ProgressPart[], size: Size): string[] {
  if (parts.length <= size.rows) return parts.map((part) => layerLine(kind, part, size.columns));
  const rank = (part: ProgressPart) => (isUnderWay(part.phase) ? 0 : part.phase === "waiting" ? 1 : 2);
  const shown = new Set(parts.toSorted((one, other) => rank(one) - rank(other)).slice(0, Math.max(0, size.rows - 1)));
  const rest = parts.filter((part) => !shown.has(part));
  const waiting = rest.filter((part) => part.phase === "waiting").length;
  const underWay = rest.filter((part) => isUnderWay(part.phase)).length;
  const counts = [
    [underWay, "under way"] as const,
    [waiting, "waiting"] as const,
    [rest.length - underWay - waiting, "complete"] as const,
  ];
  const summary = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return [
    ...parts.filter((part) => shown.has(part)).map((part) => layerLine(kind, part, size.columns)),
    `(${rest.length} more: ${summary.join(", ")})`.slice(0, size.columns),
  ];
}

export type Size = { readonly rows: number; readonly columns: number };
