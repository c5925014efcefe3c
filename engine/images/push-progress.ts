import { Throttle } from "../lib/throttle.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Progress, ProgressPart } from "../protocol/rpc.ts";
import { shortID } from "./catalog.ts";

const interval = 100;

/** What a push is about and how far each of its layers has come, told at most ten times a second. */
export class PushProgress implements Disposable {
  readonly #sink: (progress: Progress) => void;
  readonly #throttle: Throttle;
  readonly #parts = new Map<string, ProgressPart>();
  #whole: Omit<Progress, "parts"> = { phase: "preparing", object: "", current: 0, total: null, unit: "bytes" };

  constructor(sink: (progress: Progress) => void) {
    this.#sink = sink;
    this.#throttle = new Throttle(interval, () => sink(this.#now()));
  }

  /** Before the layers are known: a layer is compressed. */
  compressing(object: string, current: number, total: number): void {
    this.#whole = { phase: "compressing", object, current, total, unit: "bytes" };
    this.#throttle.ask();
  }

  /** Begins the parts anew: an image's layers, lowest first. */
  begin(object: string, layers: readonly Descriptor[]): void {
    this.#parts.clear();
    for (const { digest, size } of layers) {
      this.#parts.set(digest, { id: shortID(digest), phase: "waiting", current: 0, total: size });
    }
    this.#whole = { phase: "uploading", object, current: 0, total: null, unit: "bytes" };
    this.#throttle.ask();
  }

  /** Passes over what is no layer. */
  layer(layer: Descriptor, phase: ProgressPart["phase"], current: number): void {
    const part = this.#parts.get(layer.digest);
    if (part === undefined) return;
    this.#parts.set(layer.digest, { ...part, phase, current });
    this.#throttle.ask();
  }

  /** What came last is told at once. */
  [Symbol.dispose](): void {
    this.#throttle[Symbol.dispose]();
    this.#sink(this.#now());
  }

  #now(): Progress {
    const parts = [...this.#parts.values()];
    if (parts.length === 0) return this.#whole;
    const total = parts.reduce((sum, part) => sum + (part.total ?? 0), 0);
    return { ...this.#whole, current: parts.reduce((sum, part) => sum + part.current, 0), total, parts };
  }
}
