import type { DiffID, Digest } from "../../oci/digest.ts";

/** An entry of the cache, as far as it matters for what goes. */
export type Candidate = {
  readonly id: string;
  /** Empty for what stands on no layers. */
  readonly chain: readonly DiffID[];
  /** Of each of these. */
  readonly chainIDs: readonly Digest[];
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number;
  /** Bytes of its own, beside layers. */
  readonly ownSize: number;
};

export type EvictionFacts<T extends Candidate> = {
  /** All there are. */
  readonly candidates: readonly T[];
  readonly sizeOf: (layer: DiffID) => number;
  /** Layers that stay, whatever goes from here: their bytes do not count. */
  readonly isShared: (layer: DiffID) => boolean;
};

/** Bytes that would be free without the cache. */
export function totalSize<T extends Candidate>({ candidates, sizeOf, isShared }: EvictionFacts<T>): number {
  const layers = new Set(candidates.flatMap(({ chain }) => chain));
  let total = 0;
  for (const { ownSize } of candidates) total += ownSize;
  for (const layer of layers) if (!isShared(layer)) total += sizeOf(layer);
  return total;
}

/**
 * What goes so that `limit` bytes stay, the longest unused first, and the bytes that go with it. A step was used whenever one that stands on it
 * was: it goes after these, which nobody could find without it.
 */
export function planEviction<T extends Candidate>(
  facts: EvictionFacts<T>,
  options: { readonly limit: number; readonly mayGo: (candidate: T) => boolean },
): { readonly gone: readonly T[]; readonly bytes: number } {
  const uses = usesOf(facts.candidates);
  const holders = new Map<DiffID, number>();
  for (const { chain } of facts.candidates) {
    for (const layer of new Set(chain)) holders.set(layer, (holders.get(layer) ?? 0) + 1);
  }
  const gone: T[] = [];
  const total = totalSize(facts);
  let bytes = 0;
  for (const candidate of inOrder(facts.candidates.filter(options.mayGo), uses)) {
    if (total - bytes <= options.limit) break;
    gone.push(candidate);
    bytes += candidate.ownSize;
    for (const layer of new Set(candidate.chain)) {
      const left = (holders.get(layer) ?? 1) - 1;
      holders.set(layer, left);
      if (left === 0 && !facts.isShared(layer)) bytes += facts.sizeOf(layer);
    }
  }
  return { gone, bytes };
}

/** When each stack of layers was used last, by itself or below another. */
function usesOf(candidates: readonly Candidate[]): ReadonlyMap<Digest, number> {
  const uses = new Map<Digest, number>();
  for (const { chainIDs, lastUsedAt } of candidates) {
    for (const chainID of chainIDs) uses.set(chainID, Math.max(uses.get(chainID) ?? 0, lastUsedAt));
  }
  return uses;
}

function inOrder<T extends Candidate>(candidates: readonly T[], uses: ReadonlyMap<Digest, number>): T[] {
  const lastUse = ({ chainIDs, lastUsedAt }: T): number => {
    const top = chainIDs.at(-1);
    return top === undefined ? lastUsedAt : (uses.get(top) ?? lastUsedAt);
  };
  return candidates.toSorted(
    (one, other) =>
      lastUse(one) - lastUse(other) || other.chain.length - one.chain.length || (one.id < other.id ? -1 : 1),
  );
}
