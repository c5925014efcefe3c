import { readSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { closeOpened } from "../../host/file-calls.ts";
import { fileTypes, statusOf } from "../../host/tree-calls.ts";
import type { SourceTree as SourceTreeSpec } from "../copy/file-copier.ts";
import { SourceTree } from "../copy/source-tree.ts";
import { openIfSame, readFlags } from "../copy/walk-tree.ts";
import type { BuildContext } from "./build-context.ts";
import { readIgnoreFile } from "./ignore-file.ts";
import type { Scratch } from "./scratch.ts";

type Origin = {
  readonly source: string | null;
  /** Taken away with the context; null: it is somebody else's directory. */
  readonly scratch: Scratch | null;
  /** It is nothing but a Dockerfile, of this name: that is what is meant by whatever name is asked for. */
  readonly onlyFile?: string;
};

/** A context that lies in a directory of this host. */
export class DirectoryContext implements BuildContext {
  readonly directory: string;
  readonly source: string | null;
  readonly #scratch: Scratch | null;
  readonly #onlyFile: string | null;

  constructor(directory: string, { source, scratch, onlyFile }: Origin) {
    this.directory = directory;
    this.source = source;
    this.#scratch = scratch;
    this.#onlyFile = onlyFile ?? null;
  }

  async readFile(path: string, limit: number): Promise<Buffer | null> {
    using tree = new SourceTree(this.directory, null);
    const pick = tree.find(path.endsWith(".dockerignore") ? path : (this.#onlyFile ?? path));
    // To open a device may already do something.
    if (pick !== null && (pick.status.mode & fileTypes.mask) !== fileTypes.file) {
      throw new EngineError("invalid-argument", `${path} in the build context is not a file`);
    }
    const fd = pick === null ? null : openIfSame(pick, readFlags);
    if (fd === null) return null;
    try {
      const { size } = statusOf(fd);
      if (size > limit) {
        throw new EngineError("invalid-argument", `${path} in the build context has more than ${limit} bytes`);
      }
      return readWhole(fd, size);
    } finally {
      closeOpened(fd);
    }
  }

  tree(ignore: readonly string[] | null): SourceTreeSpec {
    const patterns = ignore === null ? null : readIgnoreFile(ignore.join("\n"));
    return { directory: this.directory, ignore: patterns, keepsOwners: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch?.[Symbol.asyncDispose]();
  }
}

/** A small file, which may become shorter meanwhile. */
function readWhole(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const read = readSync(fd, bytes, at, size - at, null);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}
