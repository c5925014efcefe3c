import { Throttle } from "../lib/throttle.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Progress, ProgressPart } from "../protocol/rpc.ts";
import { shortID } from "./catalog.ts";
import type { LayerReport } from "./pull-layers.ts";

const interval = 100;

/** How far the layers of one image have come, told at most ten times a second. */
export class PullProgress implements Disposable {
  readonly #parts: ProgressPart[];
  readonly #object: string;
  readonly #sink: (progress: Progress) => void;
  readonly #throttle: Throttle;

  constructor(object: string, layers: readonly Descriptor[], sink: (progress: Progress) => void) {
    this.#object = object;
    this.#sink = sink;
    this.#parts = layers.map(({ digest, size }) => ({
      id: shortID(digest),
      phase: "waiting",
      current: 0,
      total: size,
    }));
    this.#throttle = new Throttle(interval, () => this.#tell());
    this.#throttle.ask();
  }

  report(layer: number, report: LayerReport): void {
    const part = this.#parts[layer];
    if (part === undefined) return;
    // What has been brought is found here then, which is no news.
    if (part.phase === "done" && report.phase === "present") return;
    this.#parts[layer] = { ...part, ...report };
    this.#throttle.ask();
  }

  /** What came last is told at once. */
  [Symbol.dispose](): void {
    this.#throttle[Symbol.dispose]();
    this.#tell();
  }

  #tell(): void {
    let current = 0;
    let total = 0;
    for (const part of this.#parts) {
      total += part.total ?? 0;
      current += part.phase === "downloading" || part.phase === "waiting" ? part.current : (part.total ?? 0);
    }
    this.#sink({ phase: "pulling", object: this.#object, current, total, unit: "bytes", parts: [...this.#parts] });
  }
}
