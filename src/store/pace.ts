import type { Progress } from "../../engine/protocol/rpc.ts";
import type { Operation } from "../../engine/protocol/state.ts";

/** How far a work was at some moments of late, oldest first. `at`: milliseconds since the epoch. */
export type Pace = readonly { readonly at: number; readonly bytes: number }[];
/** By the operation's id. */
export type Paces = ReadonlyMap<string, Pace>;

/** Bytes are counted over this time, in milliseconds: long enough to be calm, short enough to be true. */
const span = 5_000;
/** Without news for so long nothing moves. */
export const paceLifetime = 3_000;
/** Over less than this a rate says nothing. */
const shortest = 900;

/** The paces after a look at what is under way; the same object where nothing is measured. */
export function measurePaces(paces: Paces, operations: readonly Operation[], at: number): Paces {
  if (operations.length === 0) return paces.size === 0 ? paces : new Map();
  return new Map(operations.map(({ id, progress }) => [id, measured(paces.get(id) ?? [], progress, at)]));
}

function measured(pace: Pace, progress: Progress | null, at: number): Pace {
  if (progress === null || progress.unit !== "bytes") return [];
  const bytes = movedBytes(progress);
  // It began with something else, whose bytes are not these.
  const isAnother = bytes < (pace.at(-1)?.bytes ?? 0);
  return [...(isAnother ? [] : pace.filter((sample) => at - sample.at <= span)), { at, bytes }];
}

/** Bytes that had to travel: what was here already has not moved. */
function movedBytes({ parts, current }: Progress): number {
  if (parts === undefined) return current;
  return parts.reduce((sum, part) => {
    if (part.phase === "present" || part.phase === "mounted" || part.phase === "waiting") return sum;
    return sum + (part.phase === "downloading" || part.phase === "uploading" ? part.current : (part.total ?? 0));
  }, 0);
}

/** Bytes a second, or null where nothing moves or too little is known. */
export function rateOf(pace: Pace, now: number): number | null {
  const first = pace[0];
  const last = pace.at(-1);
  if (first === undefined || last === undefined || now - last.at > paceLifetime) return null;
  const time = last.at - first.at;
  const rate = time < shortest ? 0 : ((last.bytes - first.bytes) * 1000) / time;
  return rate > 0 ? rate : null;
}

/** Milliseconds until a rate is out of date, infinity where there is none. */
export function untilStale(paces: Paces, now: number): number {
  let soonest = Number.POSITIVE_INFINITY;
  for (const pace of paces.values()) {
    if (rateOf(pace, now) === null) continue;
    soonest = Math.min(soonest, (pace.at(-1)?.at ?? now) + paceLifetime - now + 1);
  }
  return soonest;
}
