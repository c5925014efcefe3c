import type { Progress, ProgressPart } from "../../engine/protocol/rpc.ts";
import { describeProgress, plainText } from "./progress-line.ts";
import { ScreenBlock } from "./screen-block.ts";
import { fitLayers, isUnderWay, layerLine, type TransferKind, words } from "./transfer-lines.ts";

export type TransferOptions = {
  readonly kind: TransferKind;
  /** A terminal gets a line a layer, written over; anything else a line a change. */
  readonly output: NodeJS.WriteStream;
  readonly quiet: boolean;
  /** Said before the first layer of what the progress is about. */
  readonly title?: (object: string) => string;
};

export type Outcome = {
  /** As in the engine's progress, where there was none. */
  readonly object: string;
  /** False: everything was there already, of which docker says nothing. */
  readonly isNew: boolean;
};

/** The layers of a pull, push or load while they travel, as docker shows them. */
export class TransferProgress {
  readonly #options: TransferOptions;
  readonly #block: ScreenBlock;
  #parts: readonly ProgressPart[] = [];
  #object: string | null = null;
  /** Ids of parts that have travelled, and what was said of each. */
  readonly #travelled = new Set<string>();
  readonly #said = new Map<string, string>();
  readonly #singles = new Map<string, ProgressPart>();

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#block = new ScreenBlock(options.output);
  }

  show(progress: Progress): void {
    const { quiet, output } = this.#options;
    if (quiet) return;
    if (progress.parts === undefined) {
      if (output.isTTY) this.#showSingle(progress);
      return;
    }
    this.#turnTo(progress.object);
    this.#take(progress.parts);
    if (output.isTTY) this.#block.show(this.#fitted());
    // Whether anything is new is known with the first layer that travels.
    else if (this.#travelled.size > 0) this.#tell();
  }

  /** A work that tells of one thing at a time: the layers that it told of stay, the rest is a line below them. */
  #showSingle({ phase, object, current, total, unit }: Progress): void {
    const id = plainText(object);
    if (phase === "unpacking" && id !== "") this.#singles.set(id, { id, phase, current, total });
    this.#parts = [...this.#singles.values()];
    const rest = phase === "unpacking" ? [] : [plainText(describeProgress({ phase, object, current, total, unit }))];
    this.#block.show([...(this.#parts.length === 0 ? [] : [this.#fitted()]), ...rest].join("\n"));
  }

  /** The work was a success: what the engine had no time left to tell is told. */
  complete({ object, isNew }: Outcome): void {
    if (this.#options.quiet) return;
    if (this.#object === null) this.#turnTo(object);
    this.#settle(isNew);
  }

  /** One after the other, where a work is about several. */
  #turnTo(object: string): void {
    if (object === this.#object) return;
    if (this.#object !== null) this.#settle(this.#travelled.size > 0);
    this.#object = object;
    this.#parts = [];
    this.#travelled.clear();
    this.#said.clear();
    if (this.#options.title !== undefined) this.#options.output.write(`${plainText(this.#options.title(object))}\n`);
  }

  /** Two layers of the same bytes are one line. What has travelled is not called present, though the engine finds it here then. */
  #take(parts: readonly ProgressPart[]): void {
    const plain = parts.map((part) => ({ ...part, id: plainText(part.id) }));
    const distinct = [...new Map(plain.map((part) => [part.id, part])).values()];
    for (const { id, phase } of distinct) if (isUnderWay(phase) || phase === "done") this.#travelled.add(id);
    this.#parts = distinct.map((part) =>
      part.phase === "present" && this.#travelled.has(part.id) ? { ...part, phase: "done" } : part,
    );
  }

  #settle(isNew: boolean): void {
    const { output, kind } = this.#options;
    const ended = this.#parts.map((part) => (isSettled(part) ? part : { ...part, phase: "done" as const }));
    this.#parts = isNew && kind !== "load" ? ended : [];
    const width = (output.columns || 80) - 1;
    if (output.isTTY) this.#block.end(this.#parts.map((part) => layerLine(kind, part, width)));
    else this.#tell();
  }

  #fitted(): string {
    const { output, kind } = this.#options;
    const rows = Math.max(2, (output.rows || 24) - 1);
    return fitLayers(kind, this.#parts, { rows, columns: (output.columns || 80) - 1 }).join("\n");
  }

  /** Steps that came and went between two looks are told as well: a log is compared by its lines. */
  #tell(): void {
    const { kind } = this.#options;
    if (kind === "load") return;
    for (const { id, phase } of this.#parts) {
      if (phase === "waiting") continue;
      if (phase !== "present") this.#line(id, words[kind].waiting);
      if (kind === "pull" && (phase === "unpacking" || phase === "done")) this.#line(id, "Download complete");
      if (!isUnderWay(phase)) this.#line(id, words[kind][phase]);
    }
  }

  #line(id: string, status: string): void {
    const said = `${this.#said.get(id) ?? ""}\n`;
    if (said.includes(`\n${status}\n`)) return;
    this.#said.set(id, `${said}${status}`);
    this.#options.output.write(`${id}: ${status}\n`);
  }
}

function isSettled(part: ProgressPart): boolean {
  return part.phase === "present" || part.phase === "mounted" || part.phase === "done";
}
