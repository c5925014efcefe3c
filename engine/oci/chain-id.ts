import { type DiffID, type Digest, sha256 } from "./digest.ts";

/** ChainID of each layer in its place, lowest first. */
export function chainIDsOf(chain: readonly DiffID[]): Digest[] {
  let below: Digest | null = null;
  return chain.map((diffID) => {
    below = below === null ? diffID : sha256(`${below} ${diffID}`);
    return below;
  });
}

/** Names a stack of layers, lowest first (OCI image-spec, config.md, "Layer ChainID"). Null for no layers. */
export function chainIDOf(chain: readonly DiffID[]): Digest | null {
  return chainIDsOf(chain).at(-1) ?? null;
}
