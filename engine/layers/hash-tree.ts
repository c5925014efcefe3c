import { createHash, type Hash } from "node:crypto";
import { EngineError } from "../errors.ts";
import type { BytePath } from "../lib/byte-path.ts";
import { type DiffID, digestOfHex } from "../oci/digest.ts";
import { type PackOptions, packTree } from "./pack-tree.ts";
import type { TarMember } from "./tar-header.ts";
import { TarWriter } from "./tar-writer.ts";

export type HashedTree = { readonly diffID: DiffID; readonly size: number; readonly entries: number };

/** What the tar is that packing a layer's files gives. settle: see PackOptions. Synchronous: for workers. */
export function hashTree(directory: BytePath, isCancelled: () => boolean, settle?: PackOptions["settle"]): HashedTree {
  const writer = new HashingWriter(isCancelled);
  const layer = { below: [], mountPoints: [] };
  packTree(writer, { paths: [directory] }, { path: "", layer, ...(settle === undefined ? {} : { settle }) });
  return writer.result();
}

/** Keeps nothing of an archive but what it is. */
class HashingWriter extends TarWriter {
  readonly #hash: Hash;
  #size = 0;
  #entries = 0;

  constructor(isCancelled: () => boolean) {
    const hash = createHash("sha256");
    super((chunk) => {
      if (isCancelled()) throw new EngineError("cancelled", "cancelled");
      hash.update(chunk);
    });
    this.#hash = hash;
  }

  override begin(member: TarMember): void {
    this.#entries++;
    this.#size += member.size;
    super.begin(member);
  }

  /** Ends the archive. */
  result(): HashedTree {
    this.finish();
    const diffID = digestOfHex(this.#hash.digest("hex")) as DiffID;
    return { diffID, size: this.#size, entries: this.#entries };
  }
}
