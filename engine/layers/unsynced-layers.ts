import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { readBootID } from "../host/processes.ts";
import type { DiskSync } from "./disk-sync.ts";

const mark = "unsynced";

/**
 * Layers that have their names before they are on the disk, since what a build makes can be made again. `<name>/unsynced` holds the id of the
 * boot in which that was: in another one the power has failed since, and the layer may be anything. File systems keep the order of
 * names, so that the mark is there whenever such a layer is.
 */
export class UnsyncedLayers {
  readonly #directory: string;
  readonly #disk: DiskSync;
  /** By name, what DiskSync.failures was before it was made. */
  readonly #failures = new Map<string, number>();

  constructor(directory: string, disk: DiskSync) {
    this.#directory = directory;
    this.#disk = disk;
  }

  /** Marks a layer that has no name yet. */
  mark(path: string): void {
    writeFileSync(join(path, mark), readBootID(), { mode: 0o600 });
  }

  /** It has a name now. failures: see DiskSync.failures. */
  add(name: string, failures: number): void {
    this.#failures.set(name, failures);
  }

  forget(name: string): void {
    this.#failures.delete(name);
  }

  /** Looks at what an engine before has left. False: a power cut may have damaged the layer. */
  takeUp(name: string): boolean {
    try {
      if (readFileSync(join(this.#directory, name, mark), "latin1") !== readBootID()) return false;
      this.#failures.set(name, this.#disk.failures);
      return true;
    } catch (error) {
      return errnoOf(error) === "ENOENT";
    }
  }

  /** Resolves when these are on the disk. */
  async persist(names: readonly (string | null)[]): Promise<void> {
    const wanted = names.filter((name) => name !== null && this.#failures.has(name)) as string[];
    if (wanted.length === 0) return;
    try {
      await this.#disk.request();
      if (wanted.some((name) => (this.#failures.get(name) ?? this.#disk.failures) !== this.#disk.failures)) {
        throw new EngineError("internal", "a write to the disk has failed");
      }
      for (const name of wanted) {
        // One that went meanwhile may have come again.
        if (!this.#failures.delete(name)) continue;
        removeMark(join(this.#directory, name, mark));
      }
      // Else a power cut brings the marks back, and the layers are lost to what names them by then.
      await this.#disk.request();
    } catch (error) {
      throw errnoError("bring layers to the disk", error);
    }
  }
}

function removeMark(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
