import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { forEachBounded } from "../lib/bounded.ts";
import type { DiskUsage } from "../protocol/upkeep.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isActive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

type Measured = { readonly bytes: Promise<number>; readonly startedAt: number; validUntil: number };

/** Milliseconds that a measurement is good for at least; and how often as long as it took, so that looking costs little. */
const shortest = 2_000;
const leisure = 20;
const parallel = 4;

/** What containers take on the disk. Writable layers are walked by the layer store's worker, and not again right away. */
export class ContainerDiskUsage {
  readonly #parts: Pick<ContainerParts, "config" | "layers" | "table">;
  readonly #measured = new Map<string, Measured>();

  constructor(parts: Pick<ContainerParts, "config" | "layers" | "table">) {
    this.#parts = parts;
  }

  async measure(): Promise<DiskUsage["containers"]> {
    const records = this.#parts.table.all();
    this.#forget(new Set(records.map(({ id }) => id)));
    const sizes = new Map<string, { size: number; logSize: number }>();
    const never = new AbortController().signal;
    await forEachBounded(records, { limit: parallel, signal: never }, async ({ id }) => {
      const [size, logSize] = await Promise.all([this.#writableSize(id), this.#logSize(id)]);
      sizes.set(id, { size, logSize });
    });
    const items = records.map((record) => itemOf(record, sizes.get(record.id) ?? { size: 0, logSize: 0 }));
    const idle = items.filter((_, index) => !isActive(records[index]?.state.status ?? "created"));
    return {
      total: items.length,
      active: items.length - idle.length,
      size: sum(items),
      reclaimable: sum(idle),
      items,
    };
  }

  #writableSize(id: string): Promise<number> {
    const known = this.#measured.get(id);
    const now = Date.now();
    if (known !== undefined && now < known.validUntil) return known.bytes;
    const bytes = this.#usageOf(id);
    const measured: Measured = { bytes, startedAt: now, validUntil: Number.POSITIVE_INFINITY };
    this.#measured.set(id, measured);
    void bytes.then(() => {
      const took = Date.now() - measured.startedAt;
      measured.validUntil = Date.now() + Math.max(shortest, took * leisure);
    });
    return bytes;
  }

  /** One that is removed meanwhile, or is still being made, takes nothing. */
  async #usageOf(id: string): Promise<number> {
    try {
      return (await this.#parts.layers.usage(id)).size;
    } catch {
      return 0;
    }
  }

  /** With the parts that were rotated away. */
  async #logSize(id: string): Promise<number> {
    const { log } = pathsOf(this.#parts.config, id);
    const names = await readdir(dirname(log)).catch(() => []);
    const own = names.filter((name) => name.startsWith(basename(log)));
    const sizes = await Promise.all(
      own.map((name) =>
        stat(join(dirname(log), name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((total, size) => total + size, 0);
  }

  #forget(present: ReadonlySet<string>): void {
    for (const id of this.#measured.keys()) if (!present.has(id)) this.#measured.delete(id);
  }
}

type Item = DiskUsage["containers"]["items"][number];

function itemOf(record: ContainerRecord, sizes: { size: number; logSize: number }): Item {
  return {
    id: record.id,
    name: record.name,
    image: record.request.image,
    command: record.resolution.args.join(" "),
    status: record.state.status,
    createdAt: record.createdAt,
    ...sizes,
  };
}

function sum(items: readonly Item[]): number {
  return items.reduce((total, { size, logSize }) => total + size + logSize, 0);
}
