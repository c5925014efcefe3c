import { readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";

/** User and group ids of the host that stand for 0, 1, 2, … of a container. */
export type IDRange = { readonly start: number; readonly size: number };

export const defaultRangeSize = 65_536;
/** Far above any account, below what programs take for a negative number. */
const ownPool: IDRange = { start: 2 ** 30, size: 2 ** 30 };
/** Whose lines of subuid(5) and subgid(5) are ours to use. */
const owners = ["gantry", "containers"];

/**
 * Where ranges may come from: what the host's administrator set aside for us in /etc/subuid and /etc/subgid, the same in both; else
 * everything from 2^30 to 2^31.
 */
export function readPools(etc = "/etc"): readonly IDRange[] {
  const uids = parseSubIDs(textOf(`${etc}/subuid`));
  const gids = parseSubIDs(textOf(`${etc}/subgid`));
  const both = uids.filter((one) => gids.some((other) => other.start === one.start && other.size === one.size));
  return both.length > 0 ? both : [ownPool];
}

/** subuid(5): `owner:start:count`. */
export function parseSubIDs(text: string): IDRange[] {
  return text.split("\n").flatMap((line) => {
    const [, owner, start, size] = /^([^:\s]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line) ?? [];
    const range = { start: Number(start), size: Number(size) };
    const isOurs = owner !== undefined && owners.includes(owner);
    return isOurs && range.start > 0 && range.size > 0 && range.start + range.size <= 2 ** 32 - 1 ? [range] : [];
  });
}

/**
 * The lowest free range, never one that touches another's: two containers of one range could reach each other's files. `offset` (0 to 1)
 * says where in the pools to begin, so that engines beside each other begin at different ones. Fails with `resource-exhausted`.
 */
export function chooseRange(
  taken: readonly IDRange[],
  wish: { readonly size: number; readonly pools: readonly IDRange[]; readonly offset?: number },
): IDRange {
  const { size, pools, offset = 0 } = wish;
  const sorted = [...taken].sort((one, other) => one.start - other.start);
  for (const pool of pools) {
    const middle = pool.start + Math.floor((pool.size * offset) / defaultRangeSize) * defaultRangeSize;
    const parts = [
      { start: middle, size: pool.start + pool.size - middle },
      { start: pool.start, size: middle - pool.start },
    ];
    for (const part of parts) {
      const found = firstGap(sorted, part, size);
      if (found !== null) return found;
    }
  }
  throw new EngineError("resource-exhausted", `no ${size} user ids in a row are left for another container`, {
    hint: "remove containers made with --userns auto, or ask for fewer ids: --userns auto:size=1024",
    exitCode: 125,
  });
}

function firstGap(sorted: readonly IDRange[], pool: IDRange, size: number): IDRange | null {
  let start = pool.start;
  for (const range of sorted) {
    if (range.start + range.size <= start) continue;
    if (range.start >= start + size) break;
    start = range.start + range.size;
  }
  return start + size <= pool.start + pool.size ? { start, size } : null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
