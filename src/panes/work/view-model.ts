import type { Progress, ProgressPart } from "../../../engine/protocol/rpc.ts";
import type { Operation } from "../../../engine/protocol/state.ts";
import { miniBar } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { type Pace, rateOf } from "../../store/pace.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Span, span, type Tone } from "../../theme/tokens.ts";
import { formatAge } from "../age.ts";

/** Long work as a row shows it; texts are empty where nothing is known. */
export type WorkRow = {
  readonly id: string;
  readonly title: string;
  /** Where the bytes go, as a sign. */
  readonly sign: string;
  readonly state: string;
  /** 0 to 1. */
  readonly share: number | null;
  /** `12MB/30MB` */
  readonly amount: string;
  readonly rate: string;
  /** Time left. */
  readonly left: string;
};

/** `short`: names without their registry. */
export function workRow(operation: Operation, pace: Pace, { now, short }: WorkLook): WorkRow {
  const { id, kind, title, progress } = operation;
  const rate = rateOf(pace, now);
  return {
    id,
    title: short ? shortTitle(screenText(title)) : screenText(title),
    sign: kind === "push" || kind === "save" || kind === "export" ? glyphs.up : glyphs.down,
    state: stateOf(progress),
    share: shareOf(progress),
    amount: progress === null ? "" : amountOf(progress),
    rate: rate === null ? "" : `${formatBytes(rate)}/s`,
    left: progress === null || rate === null ? "" : timeLeft(progress, rate),
  };
}

export type WorkLook = { readonly now: number; readonly short: boolean };

/** `pull registry.example.com:5000/team/web:1` to `pull …/team/web:1`; what is short stays as it is. */
export function shortTitle(title: string): string {
  return title.length <= titleWidth ? title : title.replace(/ [^ /]+[.:][^ /]*\//, ` ${glyphs.ellipsis}/`);
}

function stateOf(progress: Progress | null): string {
  if (progress === null) return "starting";
  const { parts } = progress;
  if (parts === undefined) return screenText(progress.phase);
  const underWay = (["downloading", "uploading", "unpacking"] as const).find((phase) =>
    parts.some((part) => part.phase === phase),
  );
  if (underWay !== undefined) return underWay;
  return parts.some((part) => part.phase === "waiting") ? "waiting" : "finishing";
}

function shareOf(progress: Progress | null): number | null {
  if (progress === null || progress.total === null || progress.total <= 0) return null;
  return Math.max(0, Math.min(1, progress.current / progress.total));
}

function amountOf({ current, total, unit }: Pick<Progress, "current" | "total" | "unit">): string {
  const text = (value: number) => (unit === "bytes" ? formatBytes(value) : String(value));
  if (total !== null && total > 0) return `${text(Math.min(current, total))}/${text(total)}`;
  return current === 0 ? "" : text(current);
}

/** More than two days ahead is no time to tell. */
const farthest = 48 * 3_600_000;

function timeLeft({ current, total, unit }: Progress, rate: number): string {
  if (unit !== "bytes" || total === null || current >= total) return "";
  const milliseconds = ((total - current) * 1000) / rate;
  return milliseconds > farthest ? "" : formatAge(Math.ceil(milliseconds / 1000) * 1000);
}

const barWidth = 12;
const titleWidth = 24;

/** What is left out first where there is no room has the highest priority number. */
export const workColumns: readonly Column<WorkRow>[] = [
  { title: "WORK", minimum: titleWidth, maximum: 56, priority: 0, spans: (row) => [span(row.title, "strong")] },
  {
    title: "",
    minimum: 11,
    maximum: 11,
    priority: 4,
    spans: (row) => (row.share === null ? [] : [span(row.state, "info")]),
  },
  // A work that cannot say how far it is says there what it does.
  {
    title: "",
    minimum: barWidth,
    maximum: barWidth,
    priority: 2,
    spans: (row) => (row.share === null ? [span(row.state, "info")] : progressBar(row.share, barWidth)),
  },
  { title: "", minimum: 4, maximum: 4, priority: 1, align: "right", spans: (row) => [span(percent(row.share))] },
  {
    title: "BYTES",
    minimum: 15,
    maximum: 15,
    priority: 6,
    align: "right",
    spans: (row) => [span(row.amount, "muted")],
  },
  { title: "RATE", minimum: 8, maximum: 8, priority: 3, align: "right", spans: (row) => [span(row.rate, "muted")] },
  { title: "LEFT", minimum: 4, maximum: 4, priority: 5, align: "right", spans: (row) => [span(row.left, "muted")] },
];

/** A bar in one colour: a work that is nearly done is no alarm, unlike a full memory. */
export function progressBar(share: number | null, width: number): Span[] {
  if (share === null) return [];
  return miniBar(share, width).map(({ text, tone }) => span(text, tone === "track" ? "track" : "bar"));
}

export function percent(share: number | null): string {
  return share === null ? "" : `${Math.floor(share * 100)}%`;
}

const partBarWidth = 24;

const partTones: Readonly<Record<ProgressPart["phase"], Tone>> = {
  waiting: "faint",
  downloading: "info",
  uploading: "info",
  unpacking: "info",
  present: "muted",
  mounted: "muted",
  done: "ok",
};

/** Columns of the layers of a work. */
export const partColumns: readonly Column<ProgressPart>[] = [
  {
    title: "LAYER",
    minimum: 12,
    maximum: 12,
    priority: 0,
    spans: (part) => [span(screenText(part.id), toneOfID(part))],
  },
  { title: "", minimum: 11, maximum: 11, priority: 1, spans: (part) => [span(part.phase, partTones[part.phase])] },
  {
    title: "",
    minimum: barWidth,
    maximum: partBarWidth,
    priority: 2,
    // Of one width whatever goes on, so that nothing moves when the last bar goes.
    spans: (part) =>
      isUnderWay(part) ? progressBar(shareOfPart(part), partBarWidth) : [span(" ".repeat(partBarWidth))],
  },
  {
    title: "BYTES",
    minimum: 15,
    maximum: 15,
    priority: 3,
    align: "right",
    spans: (part) => [span(partAmount(part), part.phase === "waiting" ? "faint" : "muted")],
  },
];

function toneOfID({ phase }: ProgressPart): Tone {
  return phase === "waiting" || phase === "present" || phase === "mounted" ? "muted" : "text";
}

function partAmount(part: ProgressPart): string {
  if (isUnderWay(part) && part.current <= (part.total ?? 0)) return amountOf({ ...part, unit: "bytes" });
  // Unpacking may count the bytes it has made, which are more than those that came.
  if (isUnderWay(part)) return formatBytes(part.current);
  return part.total === null ? "" : formatBytes(part.total);
}

function shareOfPart({ current, total }: ProgressPart): number | null {
  return total === null || total === 0 ? null : current / total;
}

export function isUnderWay({ phase }: ProgressPart): boolean {
  return phase === "downloading" || phase === "uploading" || phase === "unpacking";
}

export type FittedParts = { readonly shown: readonly ProgressPart[]; readonly rest: string };

/** At most `rows` rows, the last for what had to be left out: what is under way first, in the order of the layers. */
export function fitParts(parts: readonly ProgressPart[], rows: number): FittedParts {
  if (parts.length <= rows) return { shown: parts, rest: "" };
  const rank = (part: ProgressPart) => (isUnderWay(part) ? 0 : part.phase === "waiting" ? 1 : 2);
  const chosen = new Set(parts.toSorted((one, other) => rank(one) - rank(other)).slice(0, Math.max(0, rows - 1)));
  const rest = parts.filter((part) => !chosen.has(part));
  const counts = [
    [rest.filter(isUnderWay).length, "under way"],
    [rest.filter(({ phase }) => phase === "waiting").length, "waiting"],
    [rest.filter((part) => rank(part) === 2).length, "here"],
  ] as const;
  const kinds = counts.filter(([count]) => count > 0);
  const words = kinds.map(([count, word]) => (kinds.length === 1 ? word : `${count} ${word}`)).join(", ");
  return { shown: parts.filter((part) => chosen.has(part)), rest: `${rest.length} more: ${words}` };
}
