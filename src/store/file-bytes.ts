/** A piece of a file, `chunkSize` bytes but for the last; `size`: of the whole file. */
export type Chunk = { readonly index: number; readonly bytes: Buffer; readonly size: number };

/** What is here of a file, and where one looks at it. */
export type FileBytes = {
  readonly size: number | null;
  /** By number. */
  readonly chunks: ReadonlyMap<number, Buffer>;
  /** Null until the content tells. */
  readonly mode: "text" | "hex" | null;
  /** Offset of the first row, or its end. */
  readonly top: number | "end";
  readonly error: string;
};

/** What one request gives at most. */
export const chunkSize = 65_536;
const keptChunks = 8;
/** A line that goes on for longer is broken, so that the rows of a screen are never far from each other. */
export const longestLine = 4_096;
const newline = 0x0a;

export function takeChunk<File extends FileBytes>(screen: File, { index, bytes, size }: Chunk): File {
  const chunks = new Map(screen.chunks).set(index, bytes);
  const top = screen.top === "end" ? size : screen.top;
  const near = [...chunks.keys()].sort((a, b) => Math.abs(a - top / chunkSize) - Math.abs(b - top / chunkSize));
  return {
    ...screen,
    size,
    chunks: new Map(near.slice(0, keptChunks).flatMap((key) => [[key, chunks.get(key) ?? Buffer.alloc(0)] as const])),
    mode: screen.mode ?? (isText(bytes) ? "text" : "hex"),
    error: "",
  };
}

/** Pieces that are needed to draw what is shown, and to move a page from there. */
export function chunksAround({ top, size }: Pick<FileBytes, "top" | "size">): readonly number[] {
  if (size === null) return [0];
  const last = Math.max(0, Math.ceil(size / chunkSize) - 1);
  const here = Math.min(last, Math.floor((top === "end" ? size : top) / chunkSize));
  const from = Math.max(0, here - 2);
  const to = Math.min(last, here + 3);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** What a terminal shows as it is: UTF-8, and no control characters but those of lines. */
export function isText(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 8_192);
  // A letter may be cut at the end.
  const text = new TextDecoder("utf-8").decode(head, { stream: true });
  const strange = text.match(/[\u0000-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/g)?.length ?? 0;
  return !head.includes(0) && strange * 50 <= text.length;
}

/** A stretch of a file that is here without a gap. */
export type Stretch = { readonly start: number; readonly bytes: Buffer };

/** All that is here around an offset. */
export function stretchAt(chunks: FileBytes["chunks"], offset: number): Stretch | null {
  let from = Math.floor(offset / chunkSize);
  // The end of a file may be the end of a piece.
  if (!chunks.has(from) && offset % chunkSize === 0) from -= 1;
  if (!chunks.has(from)) return null;
  let to = from;
  while (chunks.has(from - 1)) from -= 1;
  while (chunks.has(to + 1)) to += 1;
  const parts = Array.from({ length: to - from + 1 }, (_, index) => chunks.get(from + index) ?? Buffer.alloc(0));
  return { start: from * chunkSize, bytes: Buffer.concat(parts) };
}

/** Where the row after the one that begins at `offset` begins, or null where that is not here. */
export function nextRow({ start, bytes }: Stretch, offset: number, size: number): number | null {
  const at = offset - start;
  const found = bytes.subarray(at, at + longestLine).indexOf(newline);
  const next = found === -1 ? offset + longestLine : offset + found + 1;
  if (next >= size) return null;
  return next - start > bytes.length ? null : next;
}

/** Where the row before the one that begins at `offset` begins, or null at the start of what is here. */
export function previousRow({ start, bytes }: Stretch, offset: number): number | null {
  const at = Math.min(offset - start, bytes.length);
  if (at <= 0) return null;
  const found = at < 2 ? -1 : bytes.lastIndexOf(newline, at - 2);
  // Without an end of line in sight, rows count from where what is here begins.
  const lineStart = found === -1 ? 0 : found + 1;
  return start + lineStart + Math.floor((at - 1 - lineStart) / longestLine) * longestLine;
}

/** `steps` rows further down or, negative, up from `offset`; as far as can be told. */
export function moveRows(
  stretch: Stretch,
  offset: number,
  move: { readonly steps: number; readonly size: number },
): number {
  let at = offset;
  for (let left = Math.abs(move.steps); left > 0; left -= 1) {
    const next = move.steps > 0 ? nextRow(stretch, at, move.size) : previousRow(stretch, at);
    if (next === null) break;
    at = next;
  }
  return at;
}
