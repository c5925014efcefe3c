import type { Progress, ProgressPart } from "../../engine/protocol/rpc.ts";
import { describeProgress } from "./progress-line.ts";
import { ScreenBlock } from "./screen-block.ts";
import { fitLayers, isUnderWay, layerLine, type TransferKind, words } from "./transfer-lines.ts";

export type TransferOptions = {
  readonly kind: TransferKind;
  /** A terminal gets a line a layer, written over; anything else a line a change. */
  readonly output: NodeJS.WriteStream;
  readonly quiet: boolean;
  /** Said once, before the first layer. */
  readonly title?: string;
};

/** The layers of a pull, push or load while they travel, as docker shows them. */
export class TransferProgress {
  readonly #options: TransferOptions;
  readonly #block: ScreenBlock;
  readonly #said = new Map<string, string>();
  #parts: readonly ProgressPart[] = [];
  #isTitled = false;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#block = new ScreenBlock(options.output);
  }

  show(progress: Progress): void {
    const { quiet, output } = this.#options;
    if (quiet) return;
    if (progress.parts === undefined) {
      if (output.isTTY && progress.total !== null) this.#block.show(describeProgress(progress));
      return;
    }
    this.#say();
    this.#parts = onePartAnID(progress.parts);
    if (output.isTTY) this.#block.show(this.#fitted());
    else for (const part of this.#parts) this.#tell(part);
  }

  /** The work was a success: what the engine had no time left to tell is told. */
  complete(): void {
    if (this.#options.quiet) return;
    this.#say();
    this.#parts = this.#parts.map((part) => (isSettled(part) ? part : { ...part, phase: "done" }));
    const { output, kind } = this.#options;
    const width = (output.columns ?? 80) - 1;
    if (output.isTTY) this.#block.end(this.#parts.map((part) => layerLine(kind, part, width)));
    else for (const part of this.#parts) this.#tell(part);
  }

  #say(): void {
    if (this.#isTitled || this.#options.title === undefined) return;
    this.#isTitled = true;
    this.#options.output.write(`${this.#options.title}\n`);
  }

  #fitted(): string {
    const { output, kind } = this.#options;
    const rows = Math.max(2, (output.rows ?? 24) - 1);
    return fitLayers(kind, this.#parts, { rows, columns: (output.columns ?? 80) - 1 }).join("\n");
  }

  /** Steps that came and went between two looks are told as well: a log is compared by its lines. */
  #tell(part: ProgressPart): void {
    const { kind } = this.#options;
    if (kind === "load") return;
    const isNew = !this.#said.has(part.id);
    if (isNew && part.phase !== "present") this.#line(part.id, words[kind].waiting);
    if (kind === "pull" && (part.phase === "unpacking" || part.phase === "done")) {
      this.#line(part.id, "Download complete");
    }
    if (!isUnderWay(part.phase)) this.#line(part.id, words[kind][part.phase]);
  }

  #line(id: string, status: string): void {
    const said = `${this.#said.get(id) ?? ""}\n`;
    if (said.includes(`${status}\n`)) return;
    this.#said.set(id, `${said}${status}`);
    this.#options.output.write(`${id}: ${status}\n`);
  }
}

function isSettled(part: ProgressPart): boolean {
  return part.phase === "present" || part.phase === "mounted" || part.phase === "done";
}

/** Two layers of the same bytes are one line. */
function onePartAnID(parts: readonly ProgressPart[]): ProgressPart[] {
  return [...new Map(parts.map((part) => [part.id, part])).values()];
}
