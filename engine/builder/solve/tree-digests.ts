import type { Digest } from "../../oci/digest.ts";

/** Digests that are remembered. */
const mostEntries = 4_096;

/** Digests of what was read of layers, which never change: by chain and wish. */
export class TreeDigests {
  readonly #known = new Map<string, Digest>();

  async of(name: string, make: () => Promise<Digest>): Promise<Digest> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const digest = await make();
    this.#known.set(name, digest);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= mostEntries) break;
      this.#known.delete(oldest);
    }
    return digest;
  }
}
