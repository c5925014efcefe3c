import type { BuildEvent, BuildStep, BuildSummary, BuildWarning } from "../../../engine/protocol/builds.ts";

/** Lines of output that are kept of each step: what an error shows. */
const keptLines = 10;
/** Characters: a line that does not end is cut. */
const longestLine = 16 * 1024;

/** One line of output as it came, without its end. at: milliseconds since 1970. */
export type OutputLine = { readonly text: string; readonly at: number };

/** The last lines of a step's output; what a carriage return has written over is gone. */
export class OutputTail {
  readonly #lines: OutputLine[] = [];
  #partial = "";

  /** Gives the lines that have become whole. */
  push(text: string, at: number): readonly OutputLine[] {
    const parts = `${this.#partial}${text}`.split("\n");
    this.#partial = (parts.pop() ?? "").slice(-longestLine);
    const whole = parts.map((part) => ({ text: visiblePart(part), at }));
    this.#lines.push(...whole.slice(-keptLines));
    this.#lines.splice(0, this.#lines.length - keptLines);
    return whole;
  }

  /** The line that has no end, when nothing follows any more; null where there is none. */
  finish(at: number): OutputLine | null {
    if (this.#partial === "") return null;
    return this.push("\n", at)[0] ?? null;
  }

  /** The last `count`, the unfinished one among them. */
  last(count: number): readonly OutputLine[] {
    const partial = visiblePart(this.#partial);
    const lines = partial === "" ? this.#lines : [...this.#lines, { text: partial, at: 0 }];
    return lines.slice(-count);
  }
}

function visiblePart(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}

/** A step with what it has printed. */
export type StepView = { readonly step: BuildStep; readonly tail: OutputTail };

/** What is known of a build: all that its events said. */
export class BuildModel {
  readonly #steps = new Map<number, { step: BuildStep; readonly tail: OutputTail }>();
  readonly warnings: BuildWarning[] = [];
  readonly titles = new StepTitles();
  finished: BuildSummary | null = null;

  /** In the order in which they are shown. */
  get steps(): readonly StepView[] {
    return [...this.#steps.values()].sort((one, other) => one.step.id - other.step.id);
  }

  find(id: number): StepView | null {
    return this.#steps.get(id) ?? null;
  }

  /** The one that the build ended with, or null. */
  get failed(): (StepView & { readonly title: string }) | null {
    const found = this.steps.find(({ step }) => step.status === "failed");
    return found === undefined ? null : { ...found, title: this.titles.of(found.step) };
  }

  take(event: BuildEvent, now: number): void {
    switch (event.type) {
      case "step": {
        this.titles.take(event.step);
        const known = this.#steps.get(event.step.id);
        if (known === undefined) this.#steps.set(event.step.id, { step: event.step, tail: new OutputTail() });
        else known.step = event.step;
        break;
      }
      case "output":
        this.#steps.get(event.step)?.tail.push(event.text, now);
        break;
      case "warning":
        this.warnings.push(event.warning);
        break;
      case "finished":
        this.finished = event.build;
    }
  }
}

/** Names of steps, as BuildKit gives them. */
export class StepTitles {
  readonly #stages = new Set<string>();

  /** Before any is begun all steps are known. */
  take({ stage, number }: BuildStep): void {
    if (number > 0) this.#stages.add(stage);
  }

  /** `[build 2/4] RUN make`, or what is done beside the instructions. Not yet made harmless. */
  of({ stage, number, total, title }: BuildStep): string {
    if (number === 0) return title;
    const width = String(total).length;
    const place = `${String(number).padStart(width)}/${total}`;
    // The only stage needs no name where it has none of its own.
    const isNamed = stage !== "" && (this.#stages.size > 1 || !/^stage-\d+$/.test(stage));
    return `[${isNamed ? `${stage} ` : ""}${place}] ${title}`;
  }
}

/** Seconds that it has taken, or takes until now. */
export function secondsOf({ startedAt, endedAt }: BuildStep, now: number): number {
  if (startedAt === null) return 0;
  const end = endedAt === null ? now : Date.parse(endedAt);
  return Math.max(0, (end - Date.parse(startedAt)) / 1000);
}

/** The same of a line of its output; one that is told again later came before the step's end. */
export function lineTime(step: BuildStep, at: number): number {
  const seconds = secondsOf({ ...step, endedAt: null }, at);
  return step.endedAt === null ? seconds : Math.min(seconds, secondsOf(step, at));
}

export function isEnded({ status }: BuildStep): boolean {
  return status !== "waiting" && status !== "running";
}
