import { spawn } from "node:child_process";
import { closeSync, openSync, readSync, statfsSync } from "node:fs";
import { EngineError, messageOf } from "../../errors.ts";
import { findProgram } from "../../host/programs.ts";
import { ContainerView } from "../../layers/container-view.ts";
import type { TarEntry } from "../../layers/tar-entry.ts";
import { TarParser, type TarSink } from "../../layers/tar-parser.ts";
import { type ReadWatch, TarSource } from "../../layers/tar-source.ts";
import { TreeExtractor } from "../../layers/tree-extractor.ts";
import { type ForeignCompression, findCompression, magicSize } from "../../lib/compression.ts";

/** Of what xz may take: a file says itself how much memory it needs. */
const xzMemory = "256MiB";
/** More than what may come before the first entry. */
const probeLimit = 4 * 1024 * 1024;

/** True for a file that begins as a tar does, also a compressed one. fd: any position. */
export async function isArchive(fd: number): Promise<boolean> {
  const probe = new Probe();
  const parser = new TarParser(probe);
  try {
    let left = probeLimit;
    for await (const chunk of plainBytes(fd, { isCancelled: () => false, onRead: () => {} })) {
      parser.push(chunk);
      left -= chunk.length;
      // Zeros, which may be many.
      if (left <= 0) break;
    }
  } catch (error) {
    if (!probe.hasEntry && error instanceof EngineError && error.code === "unimplemented") throw error;
  }
  return probe.hasEntry;
}

/** Ends the reading at the first entry. */
class Probe implements TarSink {
  hasEntry = false;

  begin(): void {
    this.hasEntry = true;
    throw new Error("enough is known");
  }

  write(): void {}

  end(): void {}
}

/**
 * Unpacks an archive into a directory, which is the root of its links. All belongs to whom the archive says, also with --chown, as docker has
 * it. What is there is replaced, but for directories, which are filled. Fails with `corrupt`, and with `resource-exhausted` for one that says to be
 * larger than the free part of the disk.
 */
export async function unpackArchive(fd: number, target: number, watch: ReadWatch): Promise<void> {
  using view = new ContainerView({ root: `/proc/self/fd/${target}/.`, readOnly: false, pid: null, mounts: [] });
  using extractor = new TreeExtractor(view, [view.root], { noOverwriteDirNonDir: false, owner: null });
  const parser = new TarParser(new BoundedSink(extractor, freeBytes(target)));
  for await (const chunk of plainBytes(fd, watch)) {
    if (watch.isCancelled()) throw new EngineError("cancelled", "cancelled");
    parser.push(chunk);
  }
  parser.finish();
  extractor.finish();
}

/** Ends what a few bytes could make of a disk before it is full. */
class BoundedSink implements TarSink {
  readonly #sink: TarSink;
  readonly #limit: number;
  #bytes = 0;

  constructor(sink: TarSink, limit: number) {
    this.#sink = sink;
    this.#limit = limit;
  }

  begin(entry: TarEntry): void {
    this.#bytes += entry.sparse?.realSize ?? entry.size;
    if (this.#bytes > this.#limit) {
      throw new EngineError("resource-exhausted", "what is in it is larger than what is free on the disk", {
        hint: "free some space, or use a smaller archive",
      });
    }
    this.#sink.begin(entry);
  }

  write(offset: number, bytes: Buffer): void {
    this.#sink.write(offset, bytes);
  }

  end(): void {
    this.#sink.end();
  }
}

function freeBytes(fd: number): number {
  const { bavail, bsize } = statfsSync(`/proc/self/fd/${fd}`);
  return bavail * bsize;
}

/** A chunk is valid until the next is asked for. */
async function* plainBytes(fd: number, watch: ReadWatch): AsyncGenerator<Buffer, void> {
  const magic = Buffer.alloc(magicSize);
  const compression = findCompression(magic.subarray(0, readSync(fd, magic, 0, magic.length, 0)));
  if (compression === "xz" || compression === "bzip2") yield* bytesOfProgram(fd, compression);
  else {
    using source = new TarSource({ path: `/proc/self/fd/${fd}`, growth: null }, watch);
    yield* source.plainBytes();
  }
}

/** A worker has no other way to start a program than Node's own. */
async function* bytesOfProgram(fd: number, name: ForeignCompression): AsyncGenerator<Buffer, void> {
  const program = findProgram(name);
  if (program === null) {
    throw new EngineError(
      "unimplemented",
      `the archive is compressed with ${name}, and this host has no program ${name}`,
      {
        hint: `install ${name === "xz" ? "xz-utils (xz)" : "bzip2"}`,
      },
    );
  }
  // Of its own: a position in a file is shared with whom it is given to.
  const input = openSync(`/proc/self/fd/${fd}`, "r");
  const child = spawn(program, ["-dc"], {
    stdio: [input, "pipe", "ignore"],
    env: { LC_ALL: "C.UTF-8", XZ_OPT: `--memlimit-decompress=${xzMemory} --threads=1` },
    cwd: "/",
  });
  closeSync(input);
  const ended = new Promise<string | null>((resolve) => {
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("close", (code, signal) => resolve(code === 0 ? null : `${name} ended with ${code ?? signal}`));
  });
  try {
    for await (const chunk of child.stdout ?? []) yield chunk as Buffer;
    const failure = await ended;
    if (failure !== null) throw new EngineError("corrupt", `the ${name} data is broken: ${failure}`);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
