import { StringDecoder } from "node:string_decoder";

/** Bytes of a step's output that are kept, the last ones. */
const keptBytes = 1024 * 1024;
/** Milliseconds between two tellings, and bytes of one of them: no terminal shows more. */
const tellInterval = 40;
const tellBytes = 256 * 1024;
/** Bytes between two tellings after which the command has to wait. */
const patientBytes = 8 * 1024 * 1024;

export type OutputText = { readonly stream: 1 | 2; readonly text: string };
type Tell = (output: OutputText) => void;

/** What a step writes: told in pieces of a bearable size, the end of it always, and its last MiB kept. */
export class StepOutput implements Disposable {
  readonly #tell: Tell;
  readonly #decoders = { 1: new StringDecoder("utf8"), 2: new StringDecoder("utf8") };
  #pending: { readonly stream: 1 | 2; readonly bytes: Buffer }[] = [];
  #pendingBytes = 0;
  #arrived = 0;
  #skipped = 0;
  #timer: NodeJS.Timeout | null = null;
  #turn = Promise.withResolvers<void>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** The bytes are copied. What it gives is to be waited for before more is read. */
  write(stream: 1 | 2, bytes: Buffer): Promise<void> | undefined {
    this.#arrived += bytes.length;
    const own = Buffer.from(bytes.length > tellBytes ? bytes.subarray(-tellBytes) : bytes);
    this.#skipped += bytes.length - own.length;
    this.#pending.push({ stream, bytes: own });
    this.#pendingBytes += own.length;
    while (this.#pendingBytes - (this.#pending[0]?.bytes.length ?? 0) >= tellBytes) {
      const dropped = this.#pending.shift()?.bytes.length ?? 0;
      this.#pendingBytes -= dropped;
      this.#skipped += dropped;
    }
    this.#timer ??= setTimeout(() => this.flush(), tellInterval).unref();
    return this.#arrived > patientBytes ? this.#turn.promise : undefined;
  }

  /** Tells what has come since the last time. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#arrived = 0;
    if (this.#skipped > 0) this.#tell({ stream: 2, text: `[${this.#skipped} bytes of output left out]\n` });
    this.#skipped = 0;
    for (const { stream, text } of this.#decode(pending)) if (text !== "") this.#tell({ stream, text });
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
  }

  /** Also bytes that are no whole character. */
  [Symbol.dispose](): void {
    this.flush();
    for (const stream of [1, 2] as const) {
      const text = this.#decoders[stream].end();
      if (text !== "") this.#tell({ stream, text });
    }
  }

  /** Neighbours of the same stream as one text. */
  #decode(pending: readonly { readonly stream: 1 | 2; readonly bytes: Buffer }[]): OutputText[] {
    const texts: { stream: 1 | 2; text: string }[] = [];
    for (const { stream, bytes } of pending) {
      const text = this.#decoders[stream].write(bytes);
      const last = texts.at(-1);
      if (last?.stream === stream) last.text += text;
      else texts.push({ stream, text });
    }
    return texts;
  }
}

/** The last MiB of what was told. */
export class OutputTail {
  #texts: OutputText[] = [];
  #length = 0;

  add(output: OutputText): void {
    this.#texts.push(output);
    this.#length += output.text.length;
    while (this.#length - (this.#texts[0]?.text.length ?? 0) >= keptBytes) {
      this.#length -= this.#texts.shift()?.text.length ?? 0;
    }
  }

  get texts(): readonly OutputText[] {
    return this.#texts;
  }
}
