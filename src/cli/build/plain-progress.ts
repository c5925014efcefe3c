import type { BuildEvent, BuildStep } from "../../../engine/protocol/builds.ts";
import { screenText } from "../../format/screen-text.ts";
import { isEnded, lineTime, OutputTail, StepTitles, secondsOf } from "./build-model.ts";

/** Milliseconds that other steps wait until the one that is told of lets them have a word. */
const patience = 5_000;

type Told = {
  step: BuildStep;
  readonly tail: OutputTail;
  /** Lines that are not printed yet, and since when the first of them waits. */
  waiting: string[];
  waitsSince: number;
};

/**
 * Progress as lines that stay, each with its step's number, as BuildKit's. Steps at the same time are told one after the other as long as
 * that keeps nobody waiting for long.
 */
export class PlainProgress {
  readonly #write: (text: string) => void;
  readonly #steps = new Map<number, Told>();
  readonly #titles = new StepTitles();
  #current: Told | null = null;
  /** Number of the step that was told of last; 0: of none. */
  #last = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** now: milliseconds since 1970. */
  take(event: BuildEvent, now: number): void {
    if (event.type === "step") this.#takeStep(event.step, now);
    else if (event.type === "output") this.#takeOutput(event.step, event.text, now);
  }

  /** From time to time, so that what waits is told. */
  tick(now: number): void {
    const oldest = this.#oldest();
    if (oldest !== null && now - oldest.waitsSince >= patience) this.#turnTo(oldest);
  }

  /** All that waits, and these lines as if they belonged to what was told of last. */
  end(lines: readonly string[]): void {
    for (let next = this.#oldest(); next !== null; next = this.#oldest()) this.#turnTo(next);
    this.#write(lines.map((line) => `#${this.#last} ${line}\n`).join(""));
  }

  #takeStep(step: BuildStep, now: number): void {
    this.#titles.take(step);
    const told = this.#steps.get(step.id) ?? { step, tail: new OutputTail(), waiting: [], waitsSince: now };
    const before = this.#steps.has(step.id) ? told.step.status : "waiting";
    told.step = step;
    this.#steps.set(step.id, told);
    if (step.status === before || step.status === "waiting") return;
    const rest = isEnded(step) ? told.tail.finish(now) : null;
    this.#say(told, [...(rest === null ? [] : [outputLine(step, rest)]), ...endOf(step, now)], now);
  }

  #takeOutput(id: number, text: string, now: number): void {
    const told = this.#steps.get(id);
    if (told === undefined) return;
    const lines = told.tail.push(text, now).map((line) => outputLine(told.step, line));
    if (lines.length > 0) this.#say(told, lines, now);
  }

  /** No lines: that it has begun. */
  #say(told: Told, lines: readonly string[], now: number): void {
    if (told.waiting.length === 0) told.waitsSince = now;
    told.waiting.push(...lines);
    if (this.#current === null || this.#current === told) this.#turnTo(told);
    else if (told.waiting.length === 0) told.waiting.push("");
    this.#goOn();
  }

  /** Where the one that was told of has ended, the next one that waits. */
  #goOn(): void {
    while (this.#current === null || isEnded(this.#current.step)) {
      this.#current = null;
      const next = this.#oldest();
      if (next === null) return;
      this.#turnTo(next);
    }
  }

  #oldest(): Told | null {
    const waiting = [...this.#steps.values()].filter((told) => told !== this.#current && told.waiting.length > 0);
    return waiting.reduce<Told | null>((one, other) => (one && one.waitsSince <= other.waitsSince ? one : other), null);
  }

  #turnTo(told: Told): void {
    let text = "";
    if (this.#current !== told) {
      if (this.#current !== null && !isEnded(this.#current.step)) text += `#${this.#current.step.id} ...\n`;
      text += `${this.#last === 0 ? "" : "\n"}#${told.step.id} ${screenText(this.#titles.of(told.step))}\n`;
      this.#last = told.step.id;
      this.#current = told;
    }
    for (const line of told.waiting) if (line !== "") text += `#${told.step.id} ${line}\n`;
    told.waiting = [];
    this.#write(text);
  }
}

function outputLine(step: BuildStep, { text, at }: { readonly text: string; readonly at: number }): string {
  const seconds = lineTime(step, at);
  return `${seconds.toFixed(seconds < 10 ? 3 : seconds < 100 ? 2 : 1)} ${screenText(text)}`;
}

function endOf(step: BuildStep, now: number): string[] {
  const note = step.note === "" ? [] : [`${screenText(step.note)} done`];
  switch (step.status) {
    case "cached":
      return ["CACHED"];
    case "done":
      return [...note, `DONE ${secondsOf(step, now).toFixed(1)}s`];
    case "failed":
      return [`ERROR: ${screenText(step.error)}`];
    case "cancelled":
      return ["CANCELED"];
    default:
      return [];
  }
}
