import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { rm } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import type { Ingest } from "./blob-store.ts";

const batchBytes = 1024 * 1024;
/** writev(2) takes at most IOV_MAX (1024) buffers. */
const batchChunks = 256;

/**
 * Hashes and writes in batches of about 1 MiB; a batch is written while the next one gathers. Chunks are kept until then, so a
 * caller may not reuse their memory.
 */
export class FileIngest implements Ingest {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #adopt: (digest: Digest) => Promise<void>;
  readonly #hash = createHash("sha256");
  #batch: Uint8Array[] = [];
  #batchSize = 0;
  #size = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: EngineError | null = null;
  #status: "open" | "committed" | "closed" = "open";

  constructor(handle: FileHandle, path: string, adopt: (digest: Digest) => Promise<void>) {
    this.#handle = handle;
    this.#path = path;
    this.#adopt = adopt;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    this.#batch.push(bytes);
    this.#batchSize += bytes.length;
    if (this.#batchSize >= batchBytes || this.#batch.length >= batchChunks) await this.#flush();
  }

  async commit(expected: { digest?: Digest; size?: number } = {}): Promise<{ digest: Digest; size: number }> {
    this.#requireOpen();
    await this.#flush();
    await this.#writing;
    this.#requireOpen();
    const digest = digestOfHex(this.#hash.digest("hex"));
    if (expected.size !== undefined && expected.size !== this.#size) {
      throw new EngineError("corrupt", `blob ${digest} has ${this.#size} bytes instead of ${expected.size}`);
    }
    if (expected.digest !== undefined && expected.digest !== digest) {
      throw new EngineError("corrupt", `blob ${expected.digest} has other bytes: they hash to ${digest}`);
    }
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await this.#adopt(digest);
    } catch (error) {
      throw writeFailure(error);
    }
    this.#status = "committed";
    return { digest, size: this.#size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== "open") return;
    this.#status = "closed";
    await this.#writing;
    // Closing twice is no error for a FileHandle.
    await this.#handle.close().catch(() => {});
    await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    const size = this.#batchSize;
    this.#batch = [];
    this.#batchSize = 0;
    if (size === 0) return;
    for (const chunk of batch) this.#hash.update(chunk);
    await this.#writing;
    this.#requireOpen();
    const position = this.#size;
    this.#size += size;
    this.#writing = this.#writeAll(batch, size, position).catch((error: unknown) => {
      this.#failure = writeFailure(error);
    });
  }

  async #writeAll(batch: readonly Uint8Array[], size: number, position: number): Promise<void> {
    const { bytesWritten } = await this.#handle.writev(batch, position);
    if (bytesWritten === size) return;
    // A short write: a nearly full disk. The rest in one piece, which then says why.
    const rest = Buffer.concat(batch).subarray(bytesWritten);
    for (let done = 0; done < rest.length; ) {
      const step = await this.#handle.write(rest, done, rest.length - done, position + bytesWritten + done);
      done += step.bytesWritten;
    }
  }

  #requireOpen(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#status !== "open") throw new EngineError("internal", "this ingest was committed or dropped already");
  }
}

function writeFailure(error: unknown): EngineError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new EngineError("resource-exhausted", "write blob: no space left on the disk of the engine's root", {
      cause: error,
      hint: "free space, or start the engine with --root on a larger disk",
    });
  }
  return new EngineError("internal", `write blob: ${messageOf(error)}`, { cause: error });
}
