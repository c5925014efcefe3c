import { type DiffID, type Digest, sha256 } from "./digest.ts";

/** Names a stack of layers, lowest first (OCI image-spec, config.md, "Layer ChainID"). Null for no layers. */
export function chainIDOf(chain: readonly DiffID[]): Digest | null {
  let chainID: Digest | null = null;
  for (const diffID of chain) chainID = chainID === null ? diffID : sha256(`${chainID} ${diffID}`);
  return chainID;
}
