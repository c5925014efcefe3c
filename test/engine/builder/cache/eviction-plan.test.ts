import { describe, expect, it } from "vitest";
import { type Candidate, planEviction, totalSize } from "../../../../engine/builder/cache/eviction-plan.ts";
import { chainIDsOf } from "../../../../engine/oci/chain-id.ts";
import { type DiffID, sha256 } from "../../../../engine/oci/digest.ts";

const layer = (name: string) => sha256(name) as DiffID;

function entry(id: string, layers: string, lastUsedAt: number): Candidate {
  const chain = [...layers].map(layer);
  return { id, chain, chainIDs: chainIDsOf(chain), lastUsedAt, ownSize: 0 };
}

const facts = (candidates: readonly Candidate[], shared = "") => ({
  candidates,
  sizeOf: () => 10,
  isShared: (diffID: DiffID) => [...shared].map(layer).includes(diffID),
});
const all = () => true;
const gone = (candidates: readonly Candidate[], limit: number, shared = "") => {
  const plan = planEviction(facts(candidates, shared), { limit, mayGo: all });
  return [plan.gone.map(({ id }) => id).join(" "), plan.bytes];
};

describe("what goes from the cache", () => {
  it("counts each layer once, and those of images not at all", () => {
    const entries = [entry("a", "BX", 1), entry("b", "BXY", 2), entry("c", "BZ", 3)];
    expect(totalSize(facts(entries))).toBe(40);
    expect(totalSize(facts(entries, "B"))).toBe(30);
  });

  it("is the longest unused, and no more than has to", () => {
    const entries = [entry("new", "X", 3), entry("old", "Y", 1), entry("middle", "Z", 2)];
    expect(gone(entries, 30)).toEqual(["", 0]);
    expect(gone(entries, 29)).toEqual(["old", 10]);
    expect(gone(entries, 15)).toEqual(["old middle", 20]);
    expect(gone(entries, -1)).toEqual(["old middle new", 30]);
  });

  it("is never a step below one that stays", () => {
    const entries = [entry("base", "B", 1), entry("same", "B", 1), entry("top", "BT", 5), entry("other", "O", 4)];
    expect(gone(entries, 20)).toEqual(["other", 10]);
    expect(gone(entries, 10)).toEqual(["other top", 20]);
    expect(gone(entries, 0)).toEqual(["other top base same", 30]);
  });

  it("is what frees nothing, too, where it stands in the way of what does", () => {
    const entries = [entry("shared", "S", 1), entry("own", "SO", 2)];
    expect(gone(entries, 0, "S")).toEqual(["own", 10]);
    expect(gone([entry("shared", "S", 1), entry("own", "O", 2)], 0, "S")).toEqual(["shared own", 10]);
  });

  it("has bytes of its own", () => {
    const mount = { ...entry("mount", "", 1), ownSize: 100 };
    expect(gone([entry("step", "X", 2), mount], 50)).toEqual(["mount", 100]);
  });
});
