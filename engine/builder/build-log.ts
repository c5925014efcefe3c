import { Listeners } from "../lib/listeners.ts";
import type { BuildEvent, BuildStep, BuildSummary, BuildWarning } from "../protocol/builds.ts";
import { OutputTail, type OutputText } from "./step-output.ts";

/** Steps with output of which the output is kept; of the longest ago it is forgotten. */
const keptOutputs = 60;
/** Warnings of one build: a hostile file could make millions. */
const mostWarnings = 500;
/** Characters of a step's title: an instruction may have a million. */
const longestTitle = 2_000;

export type StepPlan = Pick<BuildStep, "stage" | "number" | "total" | "title" | "line">;

/** What is known of a past build beside its output. */
export type BuildFacts = {
  readonly summary: BuildSummary;
  readonly steps: BuildStep[];
  readonly warnings: BuildWarning[];
  readonly dockerfile: string;
};

/** What one build does, told to who listens and kept for who comes later. */
export class BuildLog {
  readonly #listeners = new Listeners<BuildEvent>();
  readonly #onChange: () => void;
  readonly #steps = new Map<number, BuildStep>();
  readonly #outputs = new Map<number, OutputTail>();
  readonly #warnings: BuildWarning[] = [];
  #summary: BuildSummary;
  dockerfile = "";

  /** onChange: the summary is another one. */
  constructor(start: Pick<BuildSummary, "id" | "name" | "startedAt">, onChange: () => void) {
    this.#onChange = onChange;
    this.#summary = {
      ...start,
      status: "running",
      endedAt: null,
      steps: 0,
      finishedSteps: 0,
      cachedSteps: 0,
      current: "",
      imageID: null,
      error: "",
      canRetry: false,
      canDebug: false,
    };
  }

  get summary(): BuildSummary {
    return this.#summary;
  }

  get warnings(): readonly BuildWarning[] {
    return this.#warnings;
  }

  get outputs(): ReadonlyMap<number, OutputTail> {
    return this.#outputs;
  }

  facts(): BuildFacts {
    return {
      summary: this.#summary,
      steps: [...this.#steps.values()],
      warnings: [...this.#warnings],
      dockerfile: this.dockerfile,
    };
  }

  /** Adds a step that waits; gives its id. */
  plan(step: StepPlan): number {
    const id = this.#steps.size + 1;
    this.#set({
      ...step,
      title: step.title.length > longestTitle ? `${step.title.slice(0, longestTitle)}…` : step.title,
      id,
      status: "waiting",
      startedAt: null,
      endedAt: null,
      layer: null,
      note: "",
      error: "",
    });
    return id;
  }

  begin(id: number): void {
    this.#change(id, { status: "running", startedAt: new Date().toISOString() });
  }

  note(id: number, note: string): void {
    this.#change(id, { note });
  }

  end(id: number, end: Partial<BuildStep> & Pick<BuildStep, "status">): void {
    const endedAt = new Date().toISOString();
    const { startedAt } = this.#step(id);
    this.#change(id, { startedAt: startedAt ?? endedAt, endedAt, ...end });
  }

  statusOf(id: number): BuildStep["status"] {
    return this.#step(id).status;
  }

  isOver(id: number): boolean {
    return isOver(this.#step(id));
  }

  output(id: number, output: OutputText): void {
    const tail = this.#outputs.get(id) ?? new OutputTail();
    tail.add(output);
    this.#outputs.delete(id);
    this.#outputs.set(id, tail);
    for (const oldest of this.#outputs.keys()) {
      if (this.#outputs.size <= keptOutputs) break;
      this.#outputs.delete(oldest);
    }
    this.#listeners.emit({ type: "output", step: id, ...output });
  }

  warn(warning: BuildWarning): void {
    if (this.#warnings.length >= mostWarnings) return;
    this.#warnings.push(warning);
    this.#listeners.emit({ type: "warning", warning });
  }

  /** Nothing comes after this. Steps that have not ended are told as cancelled, those that never began stay waiting. */
  finish(end: Partial<BuildSummary> & Pick<BuildSummary, "status">): void {
    for (const step of this.#steps.values()) if (step.status === "running") this.end(step.id, { status: "cancelled" });
    this.#summary = { ...this.#summary, endedAt: new Date().toISOString(), ...end };
    this.#listeners.emit({ type: "finished", build: this.#summary });
    this.#onChange();
  }

  amend(fields: Partial<BuildSummary>): void {
    this.#summary = { ...this.#summary, ...fields };
    this.#onChange();
  }

  /** Tells what was, then what comes. */
  watch(listener: (event: BuildEvent) => void): () => void {
    for (const event of eventsOf(this.facts(), this.#outputs)) listener(event);
    return this.#listeners.add(listener);
  }

  #step(id: number): BuildStep {
    const step = this.#steps.get(id);
    if (step === undefined) throw new Error(`no step ${id}`);
    return step;
  }

  #change(id: number, fields: Partial<BuildStep>): void {
    this.#set({ ...this.#step(id), ...fields });
  }

  #set(step: BuildStep): void {
    const before = this.#steps.get(step.id);
    this.#steps.set(step.id, step);
    this.#listeners.emit({ type: "step", step });
    if (before?.status === step.status) return;
    this.#count(before, -1);
    this.#count(step, 1);
    const isShown = step.status === "running" || step.status === "failed";
    if (isShown) this.#summary = { ...this.#summary, current: step.title };
    this.#onChange();
  }

  /** Only instructions count. */
  #count(step: BuildStep | undefined, by: 1 | -1): void {
    if (step === undefined || step.number === 0) return;
    const { steps, finishedSteps, cachedSteps } = this.#summary;
    this.#summary = {
      ...this.#summary,
      steps: steps + by,
      finishedSteps: finishedSteps + (isOver(step) ? by : 0),
      cachedSteps: cachedSteps + (step.status === "cached" ? by : 0),
    };
  }
}

/** All that is kept of a build, `finished` last where it has ended. */
export function eventsOf(facts: BuildFacts, outputs: ReadonlyMap<number, OutputTail>): BuildEvent[] {
  const steps = facts.steps.flatMap((step): BuildEvent[] => [
    { type: "step", step },
    ...(outputs.get(step.id)?.texts ?? []).map((text): BuildEvent => ({ type: "output", step: step.id, ...text })),
  ]);
  const warnings = facts.warnings.map((warning): BuildEvent => ({ type: "warning", warning }));
  const isRunning = facts.summary.status === "running";
  return [...steps, ...warnings, ...(isRunning ? [] : [{ type: "finished", build: facts.summary } as const])];
}

function isOver({ status }: BuildStep): boolean {
  return status !== "waiting" && status !== "running";
}
