import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * A log is one long row of bytes of which the oldest may be gone. It stands in files that say by their names where in it they begin, so
 * that places in it stay what they are when files are moved, compressed or dropped:
 *
 *     container.log                                     what conmon writes now; begins where the newest of the others ends
 *     container.log.0000000000020971603                 rotated; may still grow while there is no container.log
 *     container.log.0000000000000000000-…20971603.gz    the same compressed, with its end (log-members.ts)
 *
 * An empty rotated file keeps the place where no other is kept. Where two tell of the same bytes, the compressed one and the later one
 * count: a crash came between the making of one and the removal of the other.
 */
export type Segment = {
  readonly path: string;
  /** Offset of its first byte in the whole log. */
  readonly begin: number;
  /** Infinity for the one that may grow. */
  readonly end: number;
  readonly isCompressed: boolean;
};

/** How a log's files stand at one moment. */
export type Segments = {
  /** Oldest first; the last one may grow. */
  readonly all: readonly Segment[];
  /** What stands at `path` itself, open, or null where nothing does. The caller closes it. */
  readonly current: FileHandle | null;
};

const digits = 19;
const pattern = new RegExp(`^\\.(\\d{${digits}})(?:-(\\d{${digits}})\\.gz)?$`);
/** A log that is rotated faster than this many looks at it is looked at no more. */
const mostLooks = 50;

export function rotatedPath(path: string, begin: number): string {
  return `${path}.${pad(begin)}`;
}

export function compressedPath(path: string, begin: number, end: number): string {
  return `${path}.${pad(begin)}-${pad(end)}.gz`;
}

function pad(offset: number): string {
  return String(offset).padStart(digits, "0");
}

/** Names of all files of the log at `path` but that one itself, those of half-done work included. */
export async function namesBeside(path: string): Promise<string[]> {
  const own = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => name.startsWith(own)).sort();
}

/** Looks at the files of the log at `path`. */
export async function listSegments(path: string): Promise<Segments> {
  for (let look = 0; ; look++) {
    const names = await namesBeside(path);
    // The writer leaves a file for good before it makes the next: sizes are looked at after that.
    const current = await openCurrent(path);
    const rotated = await measure(path, names, current !== null).catch(() => null);
    const after = await namesBeside(path);
    if (rotated !== null && (isSame(rotatedOf(names), rotatedOf(after)) || look >= mostLooks)) {
      return { all: withCurrent(path, rotated, current), current };
    }
    await current?.close();
    if (look >= mostLooks) return { all: [], current: null };
  }
}

async function openCurrent(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function rotatedOf(names: readonly string[]): string[] {
  return names.filter((name) => /\.\d{19}(?:-\d{19}\.gz)?$/.test(name));
}

function isSame(first: readonly string[], second: readonly string[]): boolean {
  return first.length === second.length && first.every((name, index) => name === second[index]);
}

type Found = { readonly path: string; readonly begin: number; readonly end: number | null };

/** Rejects where a file has gone meanwhile. */
async function measure(path: string, names: readonly string[], hasCurrent: boolean): Promise<Segment[]> {
  const found = names.flatMap((name) => parseName(path, name));
  // Of one place the compressed file comes last, and stays.
  found.sort((a, b) => a.begin - b.begin || (a.end === null ? 0 : 1) - (b.end === null ? 0 : 1));
  const kept = found.filter(({ begin }, index) => found[index + 1]?.begin !== begin);
  return Promise.all(
    kept.map(async (file, index) => {
      const next = kept[index + 1];
      const isLast = next === undefined;
      if (isLast && !hasCurrent && file.end === null) return segmentOf(file, Number.POSITIVE_INFINITY);
      const end = file.end ?? file.begin + (await stat(file.path)).size;
      return segmentOf(file, Math.min(end, next?.begin ?? end));
    }),
  );
}

function segmentOf({ path, begin, end: compressedEnd }: Found, end: number): Segment {
  return { path, begin, end, isCompressed: compressedEnd !== null };
}

function parseName(path: string, name: string): Found[] {
  const match = pattern.exec(name.slice(basename(path).length));
  if (match === null) return [];
  const end = match[2] === undefined ? null : Number(match[2]);
  return [{ path: join(dirname(path), name), begin: Number(match[1]), end }];
}

function withCurrent(path: string, rotated: readonly Segment[], current: FileHandle | null): Segment[] {
  if (current === null) return [...rotated];
  const begin = rotated.at(-1)?.end ?? 0;
  return [...rotated, { path, begin, end: Number.POSITIVE_INFINITY, isCompressed: false }];
}
