import type { BuildStep } from "../../../engine/protocol/builds.ts";
import { cell, truncate } from "../../format/cell.ts";
import { screenText } from "../../format/screen-text.ts";
import { type BuildModel, isEnded, type StepView, secondsOf } from "./build-model.ts";

export type FrameOptions = {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** When the build was asked for. */
  readonly startedAt: number;
  readonly hasColour: boolean;
  /** The last frame: all steps, however many the screen has room for. */
  readonly isFinal: boolean;
};

/** Lines of output below a step that runs. */
const mostLogLines = 6;

/** A build's progress as lines for a terminal, none wider than it. */
export function frameOf(model: BuildModel, options: FrameOptions): string[] {
  const begun = model.steps.filter(({ step }) => step.status !== "waiting");
  const header = headerOf(model, options);
  if (options.isFinal) return [header, ...begun.map(({ step }) => stepLine(step, model.titles.of(step), options))];
  const { shown, logLines } = chooseRows(begun, Math.max(1, options.rows - 2));
  const lines = begun
    .filter((view) => shown.has(view))
    .flatMap((view) => linesOf(view, model.titles.of(view.step), { ...options, logLines }));
  return [header, ...lines];
}

function headerOf(model: BuildModel, { columns, now, startedAt, hasColour, isFinal }: FrameOptions): string {
  const steps = model.steps.map(({ step }) => step);
  const done = steps.filter((step) => isEnded(step) && step.status !== "failed").length;
  const seconds = Math.max(0, (now - startedAt) / 1000).toFixed(1);
  const isWhole = isFinal && done === steps.length;
  const text = truncate(
    `[+] Building ${seconds}s (${done}/${steps.length})${isWhole ? " FINISHED" : ""}`,
    widthOf(columns),
  );
  return isWhole ? coloured(text, "done", hasColour) : text;
}

/** What runs is shown with its output; of what has ended the newest, as far as there is room. */
function chooseRows(
  begun: readonly StepView[],
  room: number,
): { readonly shown: ReadonlySet<StepView>; logLines: number } {
  const busy = begun.filter(({ step }) => step.status === "running" || step.status === "failed");
  const ended = begun.filter((view) => !busy.includes(view)).sort(byEnd);
  const running = busy.slice(-room);
  const free = room - running.length;
  const reserved = Math.min(ended.length, Math.max(2, Math.floor(room / 3)), free);
  const logLines = Math.min(mostLogLines, Math.floor((free - reserved) / Math.max(1, running.length)));
  const used = running.reduce((sum, view) => sum + extraLines(view, logLines), 0);
  const left = Math.max(0, free - used);
  return { shown: new Set([...running, ...(left === 0 ? [] : ended.slice(-left))]), logLines };
}

function byEnd({ step: one }: StepView, { step: other }: StepView): number {
  return Date.parse(one.endedAt ?? "") - Date.parse(other.endedAt ?? "") || 0;
}

function extraLines({ step, tail }: StepView, most: number): number {
  if (step.status !== "running") return 0;
  return Math.min(most, tail.last(most).length + (step.note === "" ? 0 : 1));
}

function linesOf(
  { step, tail }: StepView,
  title: string,
  options: FrameOptions & { readonly logLines: number },
): string[] {
  const { logLines } = options;
  const line = stepLine(step, title, options);
  if (step.status !== "running" || logLines <= 0) return [line];
  const note = step.note === "" ? [] : [` => => ${screenText(step.note)}`];
  const room = Math.max(0, logLines - note.length);
  const logs = room === 0 ? [] : tail.last(room).map(({ text }) => ` => => # ${screenText(text)}`);
  const width = widthOf(options.columns);
  return [line, ...[...note, ...logs].map((text) => coloured(truncate(text, width), "faint", options.hasColour))];
}

const marks: Readonly<Record<string, string>> = { cached: "CACHED ", failed: "ERROR ", cancelled: "CANCELED " };

/** ` => [2/3] RUN make          1.2s` */
function stepLine(step: BuildStep, name: string, { columns, now, hasColour }: FrameOptions): string {
  const width = widthOf(columns);
  const time = `${secondsOf(step, now).toFixed(1)}s`;
  const title = ` => ${marks[step.status] ?? ""}${screenText(name)}`;
  // A terminal that is too narrow for both shows what is done.
  const text = width < time.length + 10 ? truncate(title, width) : `${cell(title, width - time.length - 1)} ${time}`;
  const tone = step.status === "failed" ? "error" : step.status === "cancelled" ? "warning" : "done";
  return step.status === "running" ? text : coloured(text, tone, hasColour);
}

/** One column less: a line that fills the last one may wrap. */
function widthOf(columns: number): number {
  return Math.max(1, columns - 1);
}

const colours = { done: "34", error: "31", warning: "33", faint: "2" } as const;

function coloured(text: string, tone: keyof typeof colours, hasColour: boolean): string {
  return hasColour ? `\x1b[${colours[tone]}m${text}\x1b[0m` : text;
}
