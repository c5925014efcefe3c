import { createHash } from "node:crypto";
import type { BuildEvent, BuildStep } from "../../protocol/builds.ts";

type Line = { readonly stream: string } | { readonly aux: object } | { readonly status: string; readonly id?: string };

/** An instruction with what it has printed before its turn. */
type Row = { step: BuildStep; output: string[]; characters: number; isBegun: boolean; isTold: boolean };

/** Characters of output that wait for one step's turn. */
const waitingLimit = 4 * 1024 * 1024;
const clippedNote = "\n[output clipped: it is not read as fast as it comes]\n";

export type LineOptions = {
  readonly send: (line: Line) => void;
  /** A name as images are told of by it, with its tag. */
  readonly nameImage: (reference: string) => string;
  /** ID of an image that is here, by its name; null: it is not known. */
  readonly findImage: (reference: string) => string | null;
  /** True while the client has not read what it was sent: output waits, a part of it at least. */
  readonly isCongested: () => boolean;
  /** Nothing is said to come from a cache. */
  readonly isFresh: boolean;
  /** Whether containers are said to be removed. */
  readonly removes: boolean;
  /** The Dockerfile's text; asked for once there are steps. */
  readonly dockerfile: () => string;
  /** What `--label` adds, as an instruction of its own at the end. */
  readonly labels: Readonly<Record<string, string>>;
};

/**
 * Tells of a build as docker's classic builder does, one step after the other, though they may be done at the same time. Steps have neither
 * images nor containers of their own here: the IDs that it wants in their place are made up, but for that of the result.
 */
export class BuildLines {
  readonly #options: LineOptions;
  readonly #rows = new Map<number, Row>();
  /** What pulls of base images came to, by the names these have in the Dockerfile. */
  readonly #pulls = new Map<string, string>();
  #total = 0;
  #told = 0;
  #isCached = false;
  #lastID = "";
  /** What the stages have come to, by their names in lower case. */
  readonly #stages = new Map<string, string>();

  constructor(options: LineOptions) {
    this.#options = options;
  }

  take(event: BuildEvent): void {
    if (event.type === "step" && event.step.number > 0) this.#takeStep(event.step);
    else if (event.type === "step") this.#takePull(event.step);
    else if (event.type === "output") this.#takeOutput(event.step, event.text);
    this.#goOn();
  }

  /** The build was a success. names: familiar. unused: build arguments that no ARG has asked for. */
  end(
    imageID: string,
    { names, unused }: { readonly names: readonly string[]; readonly unused: readonly string[] },
  ): void {
    this.#sayLabels();
    this.#sayID(imageID);
    if (unused.length > 0) this.#say(`[Warning] One or more build-args [${unused.join(" ")}] were not consumed\n`);
    this.#options.send({ aux: { ID: imageID } });
    this.#say(`Successfully built ${shortID(imageID)}\n`);
    for (const name of names) this.#say(`Successfully tagged ${name}\n`);
  }

  #takeStep(step: BuildStep): void {
    const row = this.#rows.get(step.id);
    if (row === undefined) this.#rows.set(step.id, { step, output: [], characters: 0, isBegun: false, isTold: false });
    else row.step = step;
  }

  #takePull({ title, note, status }: BuildStep): void {
    const name = /^resolve image (\S+)$/.exec(title)?.[1];
    if (name !== undefined && status === "done" && note !== "") this.#pulls.set(name, note);
  }

  /** As a pull by itself ends. */
  #sayPull(instruction: string): void {
    const base = baseOf(instruction);
    const name = base === undefined ? "" : this.#options.nameImage(base);
    const [, outcome, digest] = /^(.*) (sha256:[0-9a-f]{64})$/.exec(this.#pulls.get(name) ?? "") ?? [];
    if (outcome === undefined) return;
    const isNew = outcome === "downloaded";
    this.#options.send({
      status: `Pulling from ${name.replace(/:[^:/]*$/, "")}`,
      id: /:([^:/]*)$/.exec(name)?.[1] ?? "",
    });
    this.#options.send({ status: `Digest: ${digest}` });
    this.#options.send({ status: `Status: ${isNew ? "Downloaded newer image" : "Image is up to date"} for ${name}` });
  }

  #takeOutput(id: number, text: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    row.output.push(text);
    row.characters += text.length;
    if (row.characters <= waitingLimit) return;
    // To half of it, so that it is not done for each piece.
    while (row.characters > waitingLimit / 2 && row.output.length > 1) {
      row.characters -= row.output.shift()?.length ?? 0;
    }
    row.output.unshift(clippedNote);
    row.characters += clippedNote.length;
  }

  /** Everything up to the step that is not at its end yet. */
  #goOn(): void {
    for (const row of [...this.#rows.values()].sort((one, other) => one.step.id - other.step.id)) {
      if (row.isTold) continue;
      if (row.step.status === "waiting") return;
      this.#begin(row);
      const isRunning = row.step.status === "running";
      if (isRunning && this.#options.isCongested()) return;
      for (const text of row.output.splice(0)) this.#say(text);
      row.characters = 0;
      if (isRunning) return;
      this.#finish(row);
    }
  }

  #begin(row: Row): void {
    if (row.isBegun) return;
    row.isBegun = true;
    if (this.#total === 0) this.#sayArguments();
    this.#sayStep(row.step.title);
    this.#sayPull(row.step.title);
    const isFrom = /^FROM\b/i.test(row.step.title);
    if (row.step.status === "cached" && !isFrom && !this.#options.isFresh) this.#say(" ---> Using cache\n");
    else if (hasContainer(row.step)) this.#say(` ---> Running in ${containerOf(row.step)}\n`);
  }

  #finish(row: Row): void {
    const { step } = row;
    row.isTold = true;
    this.#isCached = step.status === "cached";
    const isDone = step.status === "done" || step.status === "cached";
    if (!isDone) return;
    const wasContained = step.status === "done" && hasContainer(step);
    if (wasContained && this.#options.removes) this.#say(`Removing intermediate container ${containerOf(step)}\n`);
    this.#lastID = this.#imageOf(step);
    this.#stages.set(step.stage.toLowerCase(), this.#lastID);
  }

  #sayStep(instruction: string): void {
    this.#sayID(this.#lastID);
    this.#told += 1;
    this.#say(`Step ${this.#told}/${this.#total} : ${instruction}`);
    this.#say("\n");
  }

  /** Those before the first stage are steps without a result. */
  #sayArguments(): void {
    const given = globalArguments(this.#options.dockerfile());
    const hasLabels = Object.keys(this.#options.labels).length > 0;
    this.#total = this.#rows.size + given.length + (hasLabels ? 1 : 0);
    for (const instruction of given) this.#sayStep(instruction);
  }

  #sayLabels(): void {
    const labels = Object.entries(this.#options.labels).sort(([one], [other]) => (one < other ? -1 : 1));
    if (labels.length === 0) return;
    const instruction = `LABEL ${labels.map(([key, value]) => `${key}=${value}`).join(" ")}`;
    this.#sayStep(instruction);
    const container = shortID(madeUp(instruction));
    this.#say(this.#isCached ? " ---> Using cache\n" : ` ---> Running in ${container}\n`);
    if (!this.#isCached && this.#options.removes) this.#say(`Removing intermediate container ${container}\n`);
    this.#lastID = container;
  }

  /** Said with the next step, so that the last one gets the ID of the result. */
  #sayID(id: string): void {
    if (this.#lastID !== "") this.#say(` ---> ${shortID(id)}\n`);
    this.#lastID = "";
  }

  #imageOf(step: BuildStep): string {
    const base = baseOf(step.title);
    const known = base === undefined ? null : (this.#stages.get(base.toLowerCase()) ?? this.#options.findImage(base));
    return known ?? madeUp(`image ${step.startedAt} ${step.id} ${step.title} ${step.layer?.diffID ?? ""}`);
  }

  #say(stream: string): void {
    this.#options.send({ stream });
  }
}

/** Of a FROM, as it is written. */
function baseOf(instruction: string): string | undefined {
  return /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(instruction)?.[1];
}

function globalArguments(dockerfile: string): string[] {
  const lines = dockerfile.split(/\r?\n/);
  const first = lines.findIndex((line) => /^\s*FROM\s/i.test(line));
  return lines
    .slice(0, Math.max(0, first))
    .filter((line) => /^\s*ARG\s/i.test(line))
    .map((line) => line.trim());
}

/** The classic builder ran one for each instruction that neither begins a stage nor copies files. */
function hasContainer({ title }: BuildStep): boolean {
  return !/^(?:FROM|COPY|ADD)\b/i.test(title);
}

function containerOf({ id, title, startedAt }: BuildStep): string {
  return shortID(madeUp(`container ${startedAt} ${id} ${title}`));
}

function madeUp(what: string): string {
  return createHash("sha256").update(what).digest("hex");
}

function shortID(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}
