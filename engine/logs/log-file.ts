import { type FileHandle, open, stat } from "node:fs/promises";
import { type Member, readMembers, unpackMember } from "./log-members.ts";
import { listSegments, type Segment } from "./log-segments.ts";

const newline = 10;
/** Unpacked members kept: a window of a search may lie in two. */
const keptMembers = 2;
/** How often the files may move on while one place is looked up. */
const mostMoves = 20;

/**
 * The log of a container over all its files (log-segments.ts), as one row of bytes: records in order of time, one a line, read afresh
 * from the disk each time. Offsets count from the first byte ever written.
 */
export class LogFile implements AsyncDisposable {
  readonly #path: string;
  #segments: readonly Segment[] = [];
  /** By where they begin. A file stays readable here when it is moved or deleted. */
  readonly #sources = new Map<number, Source>();
  /** Of the file that stood at the path itself. */
  #currentIdentity: string | null = null;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Null where there is none (yet). */
  static async find(path: string): Promise<LogFile | null> {
    const file = new LogFile(path);
    await file.#list(null);
    return file.#segments.length === 0 ? null : file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeAllBut(() => false);
  }

  /** Offset of the oldest byte that is kept. */
  get first(): number {
    return this.#segments[0]?.begin ?? 0;
  }

  /** Where the file that is written now, or was last, begins. */
  get newest(): number {
    return this.#segments.at(-1)?.begin ?? 0;
  }

  /** Offset after the newest byte. */
  async end(): Promise<number> {
    const last = this.#segments.at(-1);
    if (last === undefined) return 0;
    if (Number.isFinite(last.end)) return last.end;
    const source = await this.#sourceOf(last.begin);
    return source === null ? last.begin : last.begin + (await source.size());
  }

  /** The offset itself, or the next one behind it that was not dropped. */
  place(offset: number): number {
    const segment = this.#segments.find(({ end }) => offset < end);
    return segment === undefined ? offset : Math.max(offset, segment.begin);
  }

  /** True when another file stands at the path by now: the writer has left the one we know for good. */
  async hasMoved(): Promise<boolean> {
    const now = await stat(this.#path).catch(() => null);
    return now !== null && identityOf(now) !== this.#currentIdentity;
  }

  /** Looks at the files anew. What holds the byte at `keep` stays readable, also where it was deleted. */
  async refresh(keep: number): Promise<void> {
    await this.#list(keep);
  }

  /** Up to `length` bytes from `offset`, fewer at the end; zeros and a newline in place of what is lost in between. */
  async readAt(offset: number, length: number): Promise<Buffer> {
    const first = await this.readSome(offset, length);
    if (first.length === length || first.length === 0) return first;
    const pieces = [first];
    for (let done = first.length; done < length; ) {
      const piece = await this.readSome(offset + done, length - done);
      if (piece.length === 0) break;
      pieces.push(piece);
      done += piece.length;
    }
    return pieces.length === 1 ? first : Buffer.concat(pieces);
  }

  /** The same, but it may be fewer where a file or a part of it ends; none at the end only. The bytes are not to be written to. */
  async readSome(offset: number, length: number): Promise<Buffer> {
    for (let moves = 0; moves < mostMoves; moves++) {
      const index = this.#segments.findIndex(({ end }) => offset < end);
      const segment = this.#segments[index];
      if (segment === undefined) return Buffer.alloc(0);
      if (offset < segment.begin) return lost(segment.begin - offset, length);
      const source = await this.#sourceOf(segment.begin);
      if (source === null) {
        await this.#list(null);
        continue;
      }
      const bytes = await source.read(offset, Math.min(length, segment.end - offset));
      const isLast = index === this.#segments.length - 1;
      return bytes.length === 0 && !isLast ? lost(segment.end - offset, length) : bytes;
    }
    return Buffer.alloc(0);
  }

  async #list(keep: number | null): Promise<void> {
    const { all, current } = await listSegments(this.#path);
    const held = keep === null ? undefined : this.#segments.find(({ begin, end }) => begin <= keep && keep <= end);
    const heldSource = held === undefined ? undefined : this.#sources.get(held.begin);
    const last = all.at(-1);
    if (current !== null && last !== undefined) await this.#adopt(current, last.begin);
    const oldest = all[0]?.begin ?? Number.POSITIVE_INFINITY;
    const isDropped = held !== undefined && heldSource !== undefined && held.begin < oldest;
    const size = isDropped ? await heldSource.size() : 0;
    const kept = isDropped ? [{ ...held, end: Math.min(held.begin + size, oldest) }] : [];
    this.#segments = [...kept, ...all];
    await this.#closeAllBut((begin) => this.#segments.some((segment) => segment.begin === begin));
  }

  /** What is open stays in use, unless it is another file. */
  async #adopt(current: FileHandle, begin: number): Promise<void> {
    const identity = identityOf(await current.stat());
    const known = this.#sources.get(begin);
    if (known !== undefined && this.#currentIdentity === identity) {
      await current.close();
      return;
    }
    await known?.close();
    this.#currentIdentity = identity;
    this.#sources.set(begin, new PlainSource(current, begin));
  }

  /** Null where the file is not there any more. */
  async #sourceOf(begin: number): Promise<Source | null> {
    const known = this.#sources.get(begin);
    if (known !== undefined) return known;
    const segment = this.#segments.find((one) => one.begin === begin);
    // What stands at the path itself was opened when it was seen there: by now it may be another file.
    if (segment === undefined || segment.path === this.#path) return null;
    const handle = await open(segment.path, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (handle === null) return null;
    const source = segment.isCompressed
      ? new PackedSource(handle, await readMembers(handle, begin))
      : new PlainSource(handle, begin);
    this.#sources.set(begin, source);
    return source;
  }

  async #closeAllBut(isKept: (begin: number) => boolean): Promise<void> {
    const closed = [...this.#sources].filter(([begin]) => !isKept(begin));
    for (const [begin] of closed) this.#sources.delete(begin);
    await Promise.all(closed.map(([, source]) => source.close()));
  }
}

/** Inode numbers are used again at once where files come and go. */
function identityOf({ ino, birthtimeMs }: { ino: number; birthtimeMs: number }): string {
  return `${ino}/${birthtimeMs}`;
}

/** What a crash or a rotation took away, as a line that is no record. */
function lost(missing: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.min(missing, length));
  if (missing <= length) bytes[missing - 1] = newline;
  return bytes;
}

interface Source {
  /** Up to `length` bytes from an offset of the whole log; none at the end. */
  read(offset: number, length: number): Promise<Buffer>;
  size(): Promise<number>;
  close(): Promise<void>;
}

class PlainSource implements Source {
  readonly #handle: FileHandle;
  readonly #begin: number;

  constructor(handle: FileHandle, begin: number) {
    this.#handle = handle;
    this.#begin = begin;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#handle.read(buffer, 0, length, offset - this.#begin);
    return buffer.subarray(0, bytesRead);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

class PackedSource implements Source {
  readonly #handle: FileHandle;
  readonly #members: readonly Member[];
  /** Used last, last. */
  #kept: { readonly member: Member; readonly bytes: Promise<Buffer | null> }[] = [];

  constructor(handle: FileHandle, members: readonly Member[]) {
    this.#handle = handle;
    this.#members = members;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const member = this.#members.find(({ begin, size }) => offset < begin + size);
    if (member === undefined) return Buffer.alloc(0);
    const bytes = await this.#unpack(member);
    const start = offset - member.begin;
    return bytes === null ? lost(member.size - start, length) : bytes.subarray(start, start + length);
  }

  async size(): Promise<number> {
    return this.#members.reduce((total, { size }) => total + size, 0);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #unpack(member: Member): Promise<Buffer | null> {
    const known = this.#kept.find((kept) => kept.member === member);
    const entry = known ?? { member, bytes: unpackMember(this.#handle, member) };
    // Who reads on wants the next one soon; a failure is told to whom it is given.
    entry.bytes.catch(() => {});
    this.#kept = [...this.#kept.filter((kept) => kept !== entry), entry].slice(-keptMembers);
    return entry.bytes;
  }
}
