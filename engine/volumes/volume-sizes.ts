import type { WorkerPool } from "../layers/worker-pool.ts";
import { bytePathOf } from "../lib/byte-path.ts";

type Measured = { readonly size: number; readonly validUntil: number };

/** Milliseconds that a measurement is good for at least; and how often as long as it took, so that looking costs little. */
const shortest = 10_000;
const leisure = 20;

/** Bytes on the disk, counted by a worker thread and remembered. */
export class VolumeSizes {
  readonly #pool: WorkerPool;
  readonly #pathOf: (name: string) => string;
  readonly #onChange: () => void;
  readonly #known = new Map<string, Measured>();
  readonly #pending = new Map<string, Promise<number | null>>();
  /** What has changed while it was measured. */
  readonly #overtaken = new Set<string>();

  /** onChange: a size is another than before. */
  constructor(pool: WorkerPool, pathOf: (name: string) => string, onChange: () => void) {
    this.#pool = pool;
    this.#pathOf = pathOf;
    this.#onChange = onChange;
  }

  /** As it was last; null: never measured. */
  find(name: string): number | null {
    return this.#known.get(name)?.size ?? null;
  }

  /** Measures in the background what is out of date. */
  refresh(names: Iterable<string>): void {
    for (const name of names) void this.measure(name);
  }

  /** Null where it cannot be read. */
  measure(name: string): Promise<number | null> {
    const known = this.#known.get(name);
    if (known !== undefined && Date.now() < known.validUntil) return Promise.resolve(known.size);
    const pending = this.#pending.get(name) ?? this.#measure(name);
    this.#pending.set(name, pending);
    return pending;
  }

  /** It may have changed: the next look measures anew. */
  expire(name: string): void {
    if (this.#pending.has(name)) this.#overtaken.add(name);
    const known = this.#known.get(name);
    if (known !== undefined) this.#known.set(name, { ...known, validUntil: 0 });
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  async #measure(name: string): Promise<number | null> {
    const startedAt = Date.now();
    try {
      const upper = bytePathOf(this.#pathOf(name));
      const { size } = await this.#pool.run({ kind: "usage", upper, lower: [], mountPoints: [] });
      const before = this.#known.get(name);
      const now = Date.now();
      const validUntil = this.#overtaken.has(name) ? 0 : now + Math.max(shortest, (now - startedAt) * leisure);
      this.#known.set(name, { size, validUntil });
      if (before?.size !== size) this.#onChange();
      return size;
    } catch {
      // Gone meanwhile, or the engine ends.
      return null;
    } finally {
      this.#pending.delete(name);
      if (this.#overtaken.delete(name)) void this.measure(name);
    }
  }
}
