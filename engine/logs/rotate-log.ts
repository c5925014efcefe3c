import { constants, readFileSync } from "node:fs";
import { type FileHandle, open, rename, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bytesWaiting } from "../host/fifo-fill.ts";
import { parseStat } from "../host/processes.ts";
import type { LogLimits } from "./log-limits.ts";
import { compressFile } from "./log-members.ts";
import { compressedPath, listSegments, namesBeside, rotatedPath, type Segment } from "./log-segments.ts";

/** A log and who writes it. */
export type WrittenLog = {
  readonly path: string;
  /** conmon's fifo `ctl`. */
  readonly control: string;
  /** Null: nobody writes. */
  readonly conmonPid: number | null;
  readonly limits: LogLimits;
};

/** conmon, src/ctrl.c: open the log anew. It makes `<path>.tmp` and renames that to `path`, over whatever stands there. */
const reopen = "2 0 0\n";
/** Milliseconds conmon is given to do so at once; it brings the old file to the disk first. */
const reopenPatience = 500;

/**
 * Puts what was written so far aside: renames it, and has conmon begin a new file. Until conmon has, it writes on to the renamed one, so
 * that no line is lost or doubled wherever this process dies. Fails as the disk does, and then nothing was changed.
 */
export async function rotateLog(log: WrittenLog): Promise<void> {
  const { path } = log;
  const begin = await beginOfCurrent(path);
  if (begin === null) return;
  await using control = await openControl(log);
  // conmon ends where it can't make its file: one that is there already needs no room on a full disk.
  if (control !== null) await writeFile(`${path}.tmp`, "", { flag: "a", mode: 0o600 });
  await rename(path, rotatedPath(path, begin));
  await beginAnew(path, control);
}

/** Where nobody writes, an empty file says that the others are complete; the next conmon goes on with it. */
async function beginAnew(path: string, control: Control | null): Promise<void> {
  if (control === null) {
    await writeFile(path, "", { flag: "a", mode: 0o600 });
    return;
  }
  await control.handle.write(reopen);
  await awaitFile(path);
}

/**
 * Completes a rotation that was cut off between its renaming and the new file. conmon must not be asked twice: the second time it would
 * throw the new file away. So it is asked only while it sleeps with nothing in its fifo and no new file made.
 */
export async function finishRotation(log: WrittenLog): Promise<void> {
  const { path, conmonPid } = log;
  if (await exists(path)) return;
  await using control = await openControl(log);
  if (control !== null && conmonPid !== null) {
    if (!(await isWaiting(control.handle, conmonPid))) return;
    await writeFile(`${path}.tmp`, "", { flag: "a", mode: 0o600 });
    if ((await exists(path)) || !(await isWaiting(control.handle, conmonPid))) return;
  }
  await beginAnew(path, control);
}

/**
 * Drops the oldest files beyond the limits. A file that outgrew them all, since nobody looked, is cut to its newest records. One that is
 * written still is left alone.
 */
export async function dropOldest({ path, limits }: WrittenLog): Promise<void> {
  const { maxSize, maxFiles } = limits;
  if (maxSize === null) return;
  const rotated = await rotatedSegments(path);
  const last = rotated.at(-1);
  if (last === undefined) return;
  const budget = maxSize * (maxFiles - 1);
  const kept = newestWithin(rotated, maxFiles - 1, budget);
  // The place where the newest began must not be forgotten.
  if (kept.length === 0 && last.end > last.begin)
    await writeFile(rotatedPath(path, last.end), "", { flag: "a", mode: 0o600 });
  const dropped = rotated.filter((segment) => !kept.includes(segment) && segment.end > segment.begin);
  for (const segment of dropped) await unlink(segment.path).catch(ignoreAbsent);
  // An empty one that keeps a place is of no use once a newer file does.
  if (kept.length > 0) {
    const marks = rotated.filter((segment) => segment.end === segment.begin && segment !== kept.at(-1));
    for (const mark of marks) await unlink(mark.path).catch(ignoreAbsent);
  }
  const oldest = kept[0];
  if (oldest !== undefined && !oldest.isCompressed && oldest.end - oldest.begin > budget + maxSize) {
    await cutHead(path, oldest, budget);
  }
}

/** The newest ones, as many as may be; the oldest of them may reach over the budget. */
function newestWithin(rotated: readonly Segment[], count: number, budget: number): Segment[] {
  const kept: Segment[] = [];
  let size = 0;
  for (const segment of [...rotated].reverse()) {
    if (segment.end === segment.begin) continue;
    if (kept.length >= count || size >= budget) break;
    kept.unshift(segment);
    size += segment.end - segment.begin;
  }
  return kept;
}

const copyChunk = 1024 * 1024;

/** Keeps the newest `size` bytes, from a record's start on. */
async function cutHead(path: string, segment: Segment, size: number): Promise<void> {
  await using input = await open(segment.path, "r");
  const length = segment.end - segment.begin;
  const buffer = Buffer.allocUnsafeSlow(copyChunk);
  const { bytesRead } = await input.read(buffer, 0, buffer.length, length - size);
  const start = length - size + buffer.subarray(0, bytesRead).indexOf(10) + 1;
  const target = rotatedPath(path, segment.begin + start);
  await using output = await open(`${target}.tmp`, "w", 0o600);
  for (let offset = start; offset < length; ) {
    const read = await input.read(buffer, 0, Math.min(buffer.length, length - offset), offset);
    if (read.bytesRead === 0) break;
    await output.appendFile(buffer.subarray(0, read.bytesRead));
    offset += read.bytesRead;
  }
  await rename(`${target}.tmp`, target);
  await unlink(segment.path).catch(ignoreAbsent);
}

/**
 * Compresses rotated files that were not touched for `minimumAge` milliseconds: a busy log drops them before that is worth it. True: some
 * are left for later. Rejects when aborted.
 */
export async function compressRotated(log: WrittenLog, minimumAge: number, signal: AbortSignal): Promise<boolean> {
  if (!log.limits.compress) return false;
  let isLeft = false;
  for (const { path, begin, end, isCompressed } of await rotatedSegments(log.path)) {
    if (isCompressed || end === begin) continue;
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
    if (age < minimumAge) {
      isLeft = true;
      continue;
    }
    const target = compressedPath(log.path, begin, end);
    try {
      await compressFile(path, `${target}.tmp`, signal);
      // Dropped meanwhile: it must not come back.
      if (await exists(path)) await rename(`${target}.tmp`, target);
      await unlink(path).catch(ignoreAbsent);
    } finally {
      await unlink(`${target}.tmp`).catch(ignoreAbsent);
    }
  }
  return isLeft;
}

/** Removes what work cut off has left: temporary files, and files whose bytes another one has. */
export async function sweepLog(path: string, isWritten: boolean): Promise<void> {
  const { all, current } = await listSegments(path);
  await current?.close();
  const known = new Set(all.map((segment) => segment.path));
  const directory = dirname(path);
  for (const name of await namesBeside(path)) {
    const beside = join(directory, name);
    const isHalf = /\.\d{19}(?:-\d{19}\.gz)?\.tmp$/.test(name);
    const isDouble = /\.\d{19}(?:-\d{19}\.gz)?$/.test(name) && !known.has(beside);
    // conmon may be between making this one and renaming it.
    const isSpare = beside === `${path}.tmp` && !isWritten;
    if (isHalf || isDouble || isSpare) await unlink(beside).catch(ignoreAbsent);
  }
}

/** Files that are written no more, oldest first. */
async function rotatedSegments(path: string): Promise<Segment[]> {
  const { all, current } = await listSegments(path);
  await current?.close();
  return all.filter(({ end }) => Number.isFinite(end));
}

/** Null where there is nothing to rotate. */
async function beginOfCurrent(path: string): Promise<number | null> {
  const { all, current } = await listSegments(path);
  if (current === null) return null;
  const { size } = await current.stat();
  await current.close();
  return size === 0 ? null : (all.at(-1)?.begin ?? null);
}

type Control = AsyncDisposable & { readonly handle: FileHandle };

/** Null where conmon has gone. */
async function openControl({ control, conmonPid }: WrittenLog): Promise<Control | null> {
  if (conmonPid === null) return null;
  try {
    const handle = await open(control, constants.O_WRONLY | constants.O_NONBLOCK);
    return { handle, [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // It holds the fifo open as long as it lives.
    if (code === "ENXIO" || (code === "ENOENT" && hasEnded(conmonPid))) return null;
    throw error;
  }
}

/** conmon sleeps until something comes: it does nothing that it was told before. */
async function isWaiting(control: FileHandle, conmonPid: number): Promise<boolean> {
  for (const pause of [0, 10, 30]) {
    await sleep(pause);
    if (bytesWaiting(control.fd) > 0 || stateOf(conmonPid) !== "S") return false;
  }
  return true;
}

function hasEnded(pid: number): boolean {
  const state = stateOf(pid);
  return state === null || state === "Z" || state === "X";
}

function stateOf(pid: number): string | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"))?.state ?? null;
  } catch {
    return null;
  }
}

async function awaitFile(path: string): Promise<void> {
  for (const deadline = Date.now() + reopenPatience; Date.now() < deadline; await sleep(5)) {
    if (await exists(path)) return;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
