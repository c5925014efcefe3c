/** Reads an asynchronous sequence of chunks in the pieces its reader wants. Never copies a piece that lies in one chunk. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  #position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes given out so far. */
  get position(): number {
    return this.#position;
  }

  /** The next piece, 1 to `limit` bytes as they are at hand, or null at the end. */
  async readSome(limit: number): Promise<Buffer | null> {
    if (!(await this.#fill())) return null;
    return this.#take(Math.min(limit, this.#chunk.length));
  }

  /** Exactly `count` bytes, fewer only at the end. */
  async read(count: number): Promise<Buffer> {
    if (this.#chunk.length >= count) return this.#take(count);
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const piece = await this.readSome(left);
      if (piece === null) break;
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** The next `count` bytes without taking them; fewer only at the end. */
  async peek(count: number): Promise<Buffer> {
    const pieces = [this.#chunk];
    let size = this.#chunk.length;
    while (size < count && !this.#ended) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else {
        pieces.push(bufferOf(next.value));
        size += next.value.length;
      }
    }
    this.#chunk = pieces.length === 1 ? this.#chunk : Buffer.concat(pieces);
    return this.#chunk.subarray(0, count);
  }

  /** Takes up to `count` bytes and forgets them; gives how many. */
  async skip(count: number): Promise<number> {
    let left = count;
    while (left > 0) {
      const piece = await this.readSome(left);
      if (piece === null) break;
      left -= piece.length;
    }
    return count - left;
  }

  /** All that is left, as chunks. */
  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = await this.readSome(Number.MAX_SAFE_INTEGER);
      if (piece === null) return;
      yield piece;
    }
  }

  /** Tells the source that nobody reads on. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#chunk = Buffer.alloc(0);
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#chunk = bufferOf(next.value);
    }
    return this.#chunk.length > 0;
  }

  #take(count: number): Buffer {
    const piece = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    this.#position += count;
    return piece;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
