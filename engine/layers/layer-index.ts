import { EngineError } from "../errors.ts";
import { chainIDsOf } from "../oci/chain-id.ts";
import { type DiffID, hexOf } from "../oci/digest.ts";
import { type LayerRecord, summaryOf } from "./layer-record.ts";
import type { ReadonlyLayer } from "./layer-store.ts";

/** Name of a layer's directory: 64 hex digits of its diffID, or of its chainID where it only fits one place. */
export type LayerName = string;

/** The read-only layers there are, by name. */
export class LayerIndex extends Map<LayerName, LayerRecord> {
  find(chain: readonly DiffID[]): ReadonlyLayer | null {
    const name = this.findName(chain);
    const record = name === null ? undefined : this.get(name);
    return record === undefined ? null : summaryOf(record);
  }

  findName(chain: readonly DiffID[]): LayerName | null {
    return this.findNames(chain).at(-1) ?? null;
  }

  /** Name of each layer of a chain, lowest first; null where it is not unpacked. */
  findNames(chain: readonly DiffID[]): (LayerName | null)[] {
    const chainIDs = chainIDsOf(chain);
    return chain.map((diffID, position) => {
      const chainID = hexOf(chainIDs[position] ?? diffID);
      if (this.has(chainID)) return chainID;
      // A lowest layer with directories of its own making lies under its diffID, too, and fits nowhere else.
      return this.get(hexOf(diffID))?.implicit.length === 0 ? hexOf(diffID) : null;
    });
  }

  /** Names of all layers of a chain, lowest first. Fails with `not-found`. */
  namesOf(chain: readonly DiffID[]): LayerName[] {
    return this.findNames(chain).map((name, position) => {
      if (name !== null) return name;
      throw new EngineError("not-found", `layer ${chain[position]} is not unpacked`, {
        hint: "load or import its image again",
      });
    });
  }
}
