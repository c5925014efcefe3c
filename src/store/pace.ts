import type { Progress, ProgressPart } from "../../engine/protocol/rpc.ts";
import type { Operation } from "../../engine/protocol/state.ts";

/** Bytes that had moved at a moment, in milliseconds since the epoch, and what they were counted from. */
export type PaceSample = { readonly at: number; readonly bytes: number; readonly progress: Progress };
/** How far a work was of late, oldest first. */
export type Pace = readonly PaceSample[];
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
  const last = pace.at(-1);
  // It began with something else, whose bytes are not these.
  if (last === undefined || isAnother(last.progress, progress)) return [{ at, bytes: 0, progress }];
  const bytes = last.bytes + movedBytes(last.progress, progress);
  return [...pace.filter((sample) => at - sample.at <= span), { at, bytes, progress }];
}

function isAnother(before: Progress, now: Progress): boolean {
  if (before.parts !== undefined && now.parts !== undefined) return false;
  return before.parts !== now.parts || now.current < before.current;
}

/** More than this at the first sight of a layer was here from an earlier try. */
const largestStart = 1_000_000;

/** Bytes that have travelled between two looks: what was here already has not. */
function movedBytes(before: Progress, { parts, current }: Progress): number {
  if (parts === undefined) return current - before.current;
  const known = new Map(before.parts?.map((part) => [part.id, part]));
  return parts.reduce((sum, part) => {
    if (!hasTravelled(part)) return sum;
    const old = known.get(part.id);
    const start = old !== undefined && hasTravelled(old) ? arrived(old) : null;
    const step = start === null ? Math.min(arrived(part), largestStart) : Math.max(0, arrived(part) - start);
    return sum + step;
  }, 0);
}

function hasTravelled({ phase }: ProgressPart): boolean {
  return phase !== "waiting" && phase !== "present" && phase !== "mounted";
}

/** Unpacking may count other bytes than those that came. */
function arrived({ phase, current, total }: ProgressPart): number {
  return phase === "downloading" || phase === "uploading" ? current : (total ?? 0);
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
