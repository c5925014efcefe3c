import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { rm } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import { BatchWriter, writeFailure } from "./batch-writer.ts";
import type { Ingest } from "./blob-store.ts";

/** Hashes and writes. */
export class FileIngest implements Ingest {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #adopt: (digest: Digest) => Promise<void>;
  readonly #hash = createHash("sha256");
  readonly #writer: BatchWriter;
  #status: "open" | "committed" | "closed" = "open";

  constructor(handle: FileHandle, path: string, adopt: (digest: Digest) => Promise<void>) {
    this.#handle = handle;
    this.#path = path;
    this.#adopt = adopt;
    this.#writer = new BatchWriter(handle, 0, { onBatch: (bytes) => void this.#hash.update(bytes) });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    await this.#writer.write(bytes);
  }

  async commit(expected: { digest?: Digest; size?: number } = {}): Promise<{ digest: Digest; size: number }> {
    this.#requireOpen();
    await this.#writer.flush();
    this.#requireOpen();
    const { size } = this.#writer;
    const digest = digestOfHex(this.#hash.digest("hex"));
    if (expected.size !== undefined && expected.size !== size) {
      throw new EngineError("corrupt", `blob ${digest} has ${size} bytes instead of ${expected.size}`);
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
    return { digest, size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== "open") return;
    this.#status = "closed";
    await this.#writer.settle();
    // Closing twice is no error for a FileHandle.
    await this.#handle.close().catch(() => {});
    await rm(this.#path, { force: true });
  }

  #requireOpen(): void {
    this.#writer.requireSound();
    if (this.#status !== "open") throw new EngineError("internal", "this ingest was committed or dropped already");
  }
}
