import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { errnoOf } from "../host/errno.ts";
import { type BytePath, bytePathOf } from "../lib/byte-path.ts";
import { BlockWriter, DamagedIndex, removeIfThere } from "./files/block-file.ts";
import { ListingCursor } from "./files/listing-cursor.ts";
import { walkDirectory } from "./files/walk-directory.ts";
import { scanUsage } from "./layer-scan.ts";
import { type ListingTask, problemLimit } from "./verify-tasks.ts";

/**
 * Looks whether a layer's directory is what its listing said when it was new; bytes of files cannot be seen to this way, but whoever changed
 * them by other means than a broken disk has left a new time. Without a listing only the sum of sizes tells. Synchronous: for workers.
 */
export function compareListing(task: ListingTask, isCancelled: () => boolean): ReadonlyMap<BytePath, string> {
  const fresh = join(task.workshop, `.new-${randomUUID()}`);
  try {
    {
      using out = new BlockWriter(fresh, task.workshop);
      walkDirectory(out, { directory: task.directory, mountPoints: [], isCancelled });
    }
    using now = new ListingCursor(fresh, 0);
    using before = openListing(task.listing);
    return before === null ? compareSize(now, task) : compareCursors(before, now, new Set(task.implicit));
  } finally {
    removeIfThere(fresh);
  }
}

/** Null where there is none that can be believed: it is made some seconds after a layer came. */
function openListing(path: string): ListingCursor | null {
  try {
    return new ListingCursor(path, 0);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && !(error instanceof DamagedIndex)) throw error;
    return null;
  }
}

function compareSize(now: ListingCursor, { directory, size }: ListingTask): ReadonlyMap<BytePath, string> {
  let total = 0;
  for (; now.depth !== -1; now.advance()) total += now.size;
  // Where a tar named something twice, what was counted was what files take on the disk.
  if (total === size || scanUsage(bytePathOf(directory), []).size === size) return new Map();
  return new Map([["", `has files of ${total} bytes instead of ${size}`]]);
}

function compareCursors(
  before: ListingCursor,
  now: ListingCursor,
  implicit: ReadonlySet<BytePath>,
): ReadonlyMap<BytePath, string> {
  const problems = new Map<BytePath, string>();
  const names: BytePath[] = [];
  const pathOf = ({ depth, name }: ListingCursor): BytePath => {
    names.length = Math.max(0, depth - 1);
    return [...names, name].join("/");
  };
  while ((before.depth !== -1 || now.depth !== -1) && problems.size < problemLimit) {
    const order = orderOf(before, now);
    const cursor = order > 0 ? now : before;
    const path = pathOf(cursor);
    if (order !== 0) {
      problems.set(path, order < 0 ? "is missing" : "is not part of the layer");
      cursor.skip();
      continue;
    }
    if (!isSame(before, now, implicit.has(path))) problems.set(path, "was changed");
    if (before.depth > 0) names[before.depth - 1] = before.name;
    before.advance();
    now.advance();
  }
  return problems;
}

/** Negative: the first stands before something that the other lacks. */
function orderOf(before: ListingCursor, now: ListingCursor): number {
  if (before.depth !== now.depth) return now.depth - before.depth;
  return before.name === now.name ? 0 : before.name < now.name ? -1 : 1;
}

function isSame(before: ListingCursor, now: ListingCursor, isImplicit: boolean): boolean {
  const isAlike = before.kind === now.kind && before.isOpaque === now.isOpaque && before.size === now.size;
  if (!isAlike || before.target !== now.target || before.device !== now.device) return false;
  return isImplicit || (before.attributes === now.attributes && before.time === now.time);
}
