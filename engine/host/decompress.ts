import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { pipeline, Readable, type Writable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../errors.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { type ForeignCompression, findCompression, magicSize } from "../lib/compression.ts";
import { findProgram } from "./programs.ts";
import { openPipe, type SpawnedProcess, spawnProcess } from "./spawn.ts";
import { openMemoryFile } from "./syscalls.ts";

/** Larger chunks double gunzip's speed. */
const chunkSize = 256 * 1024;
/** Of what xz may take: a file says itself how much memory it needs, up to 4 GiB; `xz -9` needs 65 MiB. */
const xzMemory = "256MiB";
const complaintLimit = 4096;

/**
 * Gives the plain bytes of a stream that may be compressed with gzip, zstd, xz or bzip2, told by its first bytes; no faster than they are
 * taken. xz and bzip2 are read by the host's programs of these names, which end with the iteration. Fails with `corrupt` for broken
 * compressed data, `unimplemented` where the program is missing.
 */
export async function* decompress(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(chunks);
  try {
    const compression = findCompression(await reader.peek(magicSize));
    if (compression === "none") yield* reader.rest();
    else yield* plainBytes(reader, compression);
  } finally {
    await reader.close();
  }
}

/** The same stream, but what xz or bzip2 packed comes plain: layers are kept in no such form. */
export async function* decompressForeign(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(chunks);
  try {
    const compression = findCompression(await reader.peek(magicSize));
    if (compression === "xz" || compression === "bzip2") yield* plainBytes(reader, compression);
    else yield* reader.rest();
  } finally {
    await reader.close();
  }
}

async function* plainBytes(
  reader: ByteReader,
  compression: "gzip" | "zstd" | ForeignCompression,
): AsyncGenerator<Uint8Array> {
  await using decoder = await openDecoder(compression);
  let sourceFailure: unknown = null;
  const source = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* reader.rest();
    } catch (error) {
      sourceFailure = error;
      throw error;
    }
  };
  // The callback form: failures reach the loop below through the decoder, which pipeline destroys with them.
  pipeline(Readable.from(source(), { objectMode: false, highWaterMark: chunkSize }), decoder.input, () => {});
  try {
    for await (const chunk of decoder.output) yield chunk as Buffer;
    await decoder.check();
  } catch (error) {
    if (sourceFailure !== null) throw sourceFailure;
    throw new EngineError("corrupt", `compressed data is broken: ${messageOf(error)}`, { cause: error });
  }
}

type Decoder = AsyncDisposable & {
  readonly input: Writable;
  readonly output: Readable;
  /** Fails where the data was broken; to be called after the last byte. */
  readonly check: () => Promise<void>;
};

async function openDecoder(compression: "gzip" | "zstd" | ForeignCompression): Promise<Decoder> {
  if (compression === "xz" || compression === "bzip2") return await startProgram(compression);
  const transform = compression === "gzip" ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  return {
    input: transform,
    output: transform,
    check: async () => {},
    [Symbol.asyncDispose]: async () => void transform.destroy(),
  };
}

async function startProgram(name: ForeignCompression): Promise<Decoder> {
  const program = findProgram(name);
  if (program === null) throw missing(name);
  using given = new DisposableStack();
  using kept = new DisposableStack();
  const [stdin, stdout] = [openPipe("read", { given, kept }), openPipe("write", { given, kept })];
  const complaints = kept.adopt(openMemoryFile(name), closeSync);
  const child = await spawnProcess({
    program,
    args: ["-dc"],
    // By a variable: another xz than the usual one (busybox) would not know the options.
    environment: { LC_ALL: "C.UTF-8", XZ_OPT: `--memlimit-decompress=${xzMemory} --threads=1` },
    cwd: "/",
    descriptors: [stdin.theirs, stdout.theirs, complaints],
  });
  kept.move();
  const input = new Socket({ fd: stdin.ours, readable: false });
  const output = new Socket({ fd: stdout.ours, writable: false });
  // It may go before it has read all: its exit code and its words say why.
  input.on("error", () => {});
  return {
    input,
    output,
    check: () => checkEnd(child, complaints),
    async [Symbol.asyncDispose]() {
      input.destroy();
      output.destroy();
      if (child.isRunning()) process.kill(child.pid, "SIGKILL");
      await child.ended;
      closeSync(complaints);
    },
  };
}

async function checkEnd(child: SpawnedProcess, complaints: number): Promise<void> {
  const exitCode = await child.ended;
  if (exitCode === 0) return;
  const bytes = Buffer.alloc(complaintLimit);
  const said =
    bytes
      .toString("utf8", 0, readSync(complaints, bytes, 0, bytes.length, 0))
      .trim()
      .split("\n")[0] ?? "";
  throw new Error(said === "" ? `the program that reads it ended with ${exitCode}` : said);
}

function missing(name: ForeignCompression): EngineError {
  return new EngineError("unimplemented", `archive is compressed with ${name}, and this host has no program ${name}`, {
    hint: `install ${name === "xz" ? "xz-utils (xz)" : "bzip2"}, or pass the archive through \`${name} -dc\` first`,
  });
}
