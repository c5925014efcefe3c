import type { BuildEvent } from "../../../engine/protocol/builds.ts";
import type { BuildModel } from "./build-model.ts";
import type { ProgressKind } from "./build-request.ts";
import { jsonLine, rawJsonLine } from "./json-progress.ts";
import { LiveBlock } from "./live-block.ts";
import { PlainProgress } from "./plain-progress.ts";
import { frameOf } from "./screen-frame.ts";

/** Milliseconds between two frames. */
const frameInterval = 100;
/** Milliseconds between two looks for lines that wait. */
const tickInterval = 1_000;

/** Shows a build as it goes. */
export interface BuildProgress extends Disposable {
  take(event: BuildEvent): void;
  /** The build is over: all that is known is shown, and these lines of its result. */
  end(lines: readonly string[]): void;
}

export type ProgressOptions = { readonly output: NodeJS.WriteStream; readonly hasColour: boolean };

export function openProgress(kind: ProgressKind, options: ProgressOptions, model: BuildModel): BuildProgress {
  const { output } = options;
  switch (kind) {
    case "tty":
      return new ScreenProgress(options, model);
    case "plain":
      return plainProgress(output);
    case "json":
      return lineProgress(output, jsonLine);
    case "rawjson":
      return lineProgress(output, (event) => rawJsonLine(event, model.titles, Date.now()));
    case "quiet":
      return lineProgress(output, () => null);
  }
}

function lineProgress(output: NodeJS.WriteStream, format: (event: BuildEvent) => string | null): BuildProgress {
  return {
    take: (event) => {
      const line = format(event);
      if (line !== null) output.write(`${line}\n`);
    },
    end: () => {},
    [Symbol.dispose]: () => {},
  };
}

function plainProgress(output: NodeJS.WriteStream): BuildProgress {
  const plain = new PlainProgress((text) => output.write(text));
  const timer = setInterval(() => plain.tick(Date.now()), tickInterval).unref();
  return {
    take: (event) => plain.take(event, Date.now()),
    end: (lines) => plain.end(lines.map((line) => `${line} done`)),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** A frame ten times a second, while anything is there to be seen. */
class ScreenProgress implements BuildProgress {
  readonly #options: ProgressOptions;
  readonly #model: BuildModel;
  readonly #block: LiveBlock;
  readonly #startedAt = Date.now();
  readonly #timer: NodeJS.Timeout;
  #size: Size;
  readonly #resize = () => this.#draw();
  readonly #leave = () => this.#block.showCursor();

  constructor(options: ProgressOptions, model: BuildModel) {
    this.#options = options;
    this.#model = model;
    this.#size = sizeOf(options.output);
    this.#block = new LiveBlock(options.output, () => this.#size);
    this.#timer = setInterval(() => this.#draw(), frameInterval).unref();
    options.output.on("resize", this.#resize);
    process.on("exit", this.#leave);
  }

  /** Whatever comes is seen with the next frame. */
  take(): void {}

  end(lines: readonly string[]): void {
    this.#stop();
    this.#size = sizeOf(this.#options.output);
    this.#block.end([...this.#frame(true), ...lines.map((line) => ` => => ${line}`)]);
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#block.showCursor();
    process.off("exit", this.#leave);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#options.output.off("resize", this.#resize);
  }

  /** The terminal is asked for its size each time: the signal may be late, and what is drawn until then is in the wrong place. */
  #draw(): void {
    const { columns, rows } = this.#size;
    this.#size = sizeOf(this.#options.output);
    if (this.#size.columns !== columns || this.#size.rows !== rows) this.#block.wipe();
    this.#block.show(this.#frame(false));
  }

  #frame(isFinal: boolean): string[] {
    const { hasColour } = this.#options;
    return frameOf(this.#model, { ...this.#size, now: Date.now(), startedAt: this.#startedAt, hasColour, isFinal });
  }
}

type Size = { readonly columns: number; readonly rows: number };

function sizeOf(output: NodeJS.WriteStream): Size {
  const [columns, rows] = output.getWindowSize();
  return { columns: columns || 80, rows: rows || 24 };
}
