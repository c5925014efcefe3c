import type { BuildStep, BuildSummary, StepStatus } from "../../../engine/protocol/builds.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Span, span, type Tone } from "../../theme/tokens.ts";
import { age } from "../age.ts";

export type BuildRow = {
  readonly name: string;
  readonly status: BuildSummary["status"];
  readonly steps: string;
  readonly cached: string;
  readonly time: string;
  readonly age: string;
  /** What is being done, what failed, or the image that was made. */
  readonly detail: readonly Span[];
};

export function buildRow(build: BuildSummary, now: number): BuildRow {
  return {
    name: buildName(build),
    status: build.status,
    steps: `${build.finishedSteps}/${build.steps}`,
    cached: build.cachedSteps === 0 ? "" : `${build.cachedSteps}`,
    time: timeBetween(build.startedAt, build.endedAt, now),
    age: age(build.startedAt, now),
    detail: detailOf(build),
  };
}

export function buildName({ name }: Pick<BuildSummary, "name">): string {
  return screenText(name);
}

function detailOf(build: BuildSummary): readonly Span[] {
  if (build.status === "failed") return [span(screenText(build.error), "error")];
  if (build.status === "running") return [span(screenText(build.current), "info")];
  return [span(build.imageID === null ? "" : shortID(build.imageID), "muted")];
}

export const buildTones: Readonly<Record<BuildSummary["status"], Tone>> = {
  running: "info",
  done: "ok",
  failed: "error",
  cancelled: "warn",
};

/** The most important first: what falls off a narrow screen has the highest priority number. */
export const buildColumns: readonly Column<BuildRow>[] = [
  {
    title: "STATUS",
    minimum: 9,
    maximum: 9,
    priority: 0,
    spans: ({ status }) => [span(status, buildTones[status])],
  },
  { title: "NAME", minimum: 12, maximum: 36, priority: 0, spans: ({ name }) => [span(name, "strong")] },
  { title: "STEPS", minimum: 5, maximum: 9, priority: 1, align: "right", spans: ({ steps }) => [span(steps)] },
  {
    title: "CACHED",
    minimum: 6,
    maximum: 6,
    priority: 3,
    align: "right",
    spans: ({ cached }) => [span(cached, "muted")],
  },
  { title: "TIME", minimum: 6, maximum: 6, priority: 1, align: "right", spans: ({ time }) => [span(time)] },
  { title: "AGE", minimum: 4, maximum: 4, priority: 4, align: "right", spans: (row) => [span(row.age, "muted")] },
  { title: "", minimum: 12, maximum: 120, priority: 2, spans: ({ detail }) => detail },
];

export type StepRow = {
  readonly status: StepStatus;
  /** `build 2/5`: place in its stage; empty for what belongs to none. */
  readonly place: string;
  readonly title: string;
  readonly note: string;
  readonly size: string;
  readonly time: string;
};

export function stepRow(step: BuildStep, now: number): StepRow {
  const { stage, number, total, status } = step;
  return {
    status,
    place: number === 0 ? "" : screenText(`${stage === "" ? "" : `${stage} `}${number}/${total}`),
    title: screenText(step.title),
    note: screenText(step.status === "failed" ? step.error : step.note),
    size: step.layer === null ? "" : formatBytes(step.layer.size),
    time: step.startedAt === null || status === "cached" ? "" : timeBetween(step.startedAt, step.endedAt, now),
  };
}

export const stepTones: Readonly<Record<StepStatus, Tone>> = {
  waiting: "faint",
  running: "info",
  cached: "muted",
  done: "ok",
  failed: "error",
  cancelled: "warn",
};

export const stepColumns: readonly Column<StepRow>[] = [
  {
    title: "STEP",
    minimum: 9,
    maximum: 9,
    priority: 0,
    spans: ({ status }) => [span(status, stepTones[status])],
  },
  {
    title: "STAGE",
    optional: true,
    minimum: 11,
    maximum: 20,
    priority: 2,
    spans: ({ place }) => [span(place, "muted")],
  },
  {
    title: "INSTRUCTION",
    minimum: 20,
    maximum: 200,
    priority: 0,
    spans: ({ title, status }) => [span(title, status === "waiting" ? "muted" : "text")],
  },
  {
    title: "",
    optional: true,
    minimum: 26,
    maximum: 60,
    priority: 4,
    spans: ({ note, status }) => [span(note, status === "failed" ? "error" : "muted")],
  },
  {
    title: "LAYER",
    optional: true,
    minimum: 8,
    maximum: 8,
    priority: 3,
    align: "right",
    spans: ({ size }) => [span(size, "muted")],
  },
  { title: "TIME", minimum: 6, maximum: 6, priority: 1, align: "right", spans: ({ time }) => [span(time)] },
];

/** How long it took, or takes so far. */
export function timeBetween(start: string, end: string | null, now: number): string {
  const from = Date.parse(start);
  const to = end === null ? now : Date.parse(end);
  if (Number.isNaN(from) || Number.isNaN(to)) return "";
  return formatTook(Math.max(0, to - from), end === null);
}

/** `0.4s`, `12s`, `3m05s`, `1h02m`; whole seconds while it goes on. */
function formatTook(milliseconds: number, isGoing: boolean): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 10 && !isGoing) return `${(milliseconds / 1000).toFixed(1)}s`;
  if (seconds < 60) return `${seconds}s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
}

/** Sign in front of a step, for the eye. */
export function stepGlyph(status: StepStatus): Span {
  const sign = status === "done" || status === "cached" ? glyphs.mark : status === "waiting" ? " " : glyphs.dot;
  return span(sign, stepTones[status]);
}
