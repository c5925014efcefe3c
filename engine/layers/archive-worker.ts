import { closeSync, constants, openSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { syncfs } from "../host/syscalls.ts";
import { textOf } from "../lib/byte-path.ts";
import {
  type ArchiveRequest,
  type ArchiveResponse,
  type ArchiveTask,
  type PackPathTask,
  type PackTask,
  type StatTask,
  shared,
  type UnpackIntoTask,
} from "./archive-tasks.ts";
import { checkDirectory, isAsserted, nodeOf, notFound, splitLast, statPlace } from "./container-path.ts";
import { ContainerView } from "./container-view.ts";
import { DiskSync } from "./disk-sync.ts";
import { adoptDirectory, fillDirectory } from "./fill-directory.ts";
import { packInside, packTree } from "./pack-tree.ts";
import { TarParser } from "./tar-parser.ts";
import { TarWriter } from "./tar-writer.ts";
import { TreeExtractor } from "./tree-extractor.ts";

type Memory = Int32Array<SharedArrayBuffer>;

/** Chunks on their way to the main thread, of 256 KiB each. */
const window = 8;
const cancelCheck = 200;
/** Bytes after which what was unpacked is brought to the disk while more comes. */
const aheadBytes = 32 * 1024 * 1024;

/** Where the pieces of an archive go that is being unpacked. */
let unpacking: Unpacking | null = null;

parentPort?.on("message", (request: ArchiveRequest) => {
  try {
    if (request.kind === "task") run(request.task, request.memory);
    // What comes for one that failed.
    else if (unpacking === null) return;
    else if (request.kind === "abort") throw new EngineError("cancelled", "cancelled");
    else if (request.bytes !== null) unpacking.push(request.bytes);
    else void finishUnpacking(unpacking);
  } catch (error) {
    void fail(error);
  }
});

async function finishUnpacking(whole: Unpacking): Promise<void> {
  try {
    whole.finish();
    await closeUnpacking();
    respond({ kind: "done", result: null });
  } catch (error) {
    await fail(error);
  }
}

async function fail(error: unknown): Promise<void> {
  await closeUnpacking();
  const known = error instanceof EngineError ? error : errnoError("archive", error);
  respond({ kind: "failed", code: known.code, message: known.message, hint: known.hint });
}

/** Before any answer: where something is held open, the container cannot be removed. */
async function closeUnpacking(): Promise<void> {
  const open = unpacking;
  unpacking = null;
  await open?.[Symbol.asyncDispose]();
}

function run(task: ArchiveTask, memory: Memory): void {
  switch (task.kind) {
    case "pack":
      pack(task, memory);
      respond({ kind: "done", result: null });
      break;
    case "pack-path":
      packPath(task, memory);
      respond({ kind: "done", result: null });
      break;
    case "stat":
      respond({ kind: "done", result: stat(task) });
      break;
    case "unpack-into":
      unpacking = new Unpacking(task);
      respond({ kind: "next", memory: null });
      break;
    case "fill":
      respond({ kind: "done", result: fillDirectory(task, () => checkCancelled(memory)) });
      break;
    case "adopt":
      respond({ kind: "done", result: adoptDirectory(task) });
  }
}

function pack(task: PackTask, memory: Memory): void {
  const writer = new TarWriter(createOutput(memory));
  if (task.inside === "") packTree(writer, { paths: task.directories }, task);
  else packInside(writer, task.directories, task);
  writer.finish();
}

function packPath({ view: spec, path, followLink }: PackPathTask, memory: Memory): void {
  using view = new ContainerView(spec);
  const trail = view.walk(path, { followLast: followLink || isAsserted(path) });
  const place = trail?.at(-1);
  if (trail == null || place === undefined) throw notFound(path);
  checkDirectory(place, path);
  respond({ kind: "stat", stat: statPlace(view, place, path) });
  const writer = new TarWriter(createOutput(memory));
  packTree(writer, nodeOf(trail), {
    path: splitLast(path),
    mountAt: (at) => view.mountAt(at),
    mountsIn: (at) => view.mountsIn(at),
    mountPath: place.path,
    ids: spec.ids,
  });
  writer.finish();
}

function stat({ view: spec, path }: StatTask) {
  using view = new ContainerView(spec);
  const place = view.find(path, { followLast: isAsserted(path) });
  if (place === null) throw notFound(path);
  checkDirectory(place, path);
  return statPlace(view, place, path);
}

class Unpacking implements AsyncDisposable {
  readonly #open: DisposableStack;
  readonly #disk: number;
  readonly #isUnsynced: boolean;
  readonly #ahead = new DiskSync();
  #unwritten = 0;
  readonly #extractor: TreeExtractor;
  readonly #parser: TarParser;

  constructor({ view: spec, path, ...options }: UnpackIntoTask) {
    using open = new DisposableStack();
    const view = open.use(new ContainerView(spec));
    const trail = view.walk(path, { followLast: true });
    const place = trail?.at(-1);
    if (trail == null || place === undefined) throw notFound(path);
    if (!place.stat.isDirectory()) throw new EngineError("invalid-argument", `${textOf(path)} is not a directory`);
    if (place.readOnly) throw readOnly(path, place.path, spec);
    // Opened now: a failure to write is told to who had it open (syncfs(2)).
    const readable = `/proc/self/fd/${place.fd}`;
    const disk = openSync(readable, constants.O_RDONLY | constants.O_DIRECTORY);
    open.defer(() => closeSync(disk));
    this.#disk = disk;
    this.#isUnsynced = options.isUnsynced === true;
    this.#extractor = open.use(new TreeExtractor(view, trail, options));
    this.#parser = new TarParser(this.#extractor);
    this.#ahead.open(readable);
    this.#open = open.move();
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    this.#parser.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#writeAhead(bytes.length);
    parentPort?.postMessage({ kind: "next", memory: bytes.buffer } satisfies ArchiveResponse, [bytes.buffer]);
  }

  /** What was told of as done survives a power cut, unless nobody waits for that. */
  finish(): void {
    this.#parser.finish();
    this.#extractor.finish();
    if (!this.#isUnsynced) syncfs(this.#disk);
  }

  /** So that little is left to be written at the end. */
  #writeAhead(bytes: number): void {
    this.#unwritten += bytes;
    if (this.#isUnsynced || this.#unwritten < aheadBytes) return;
    this.#ahead.begin(this.#unwritten);
    this.#unwritten = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ahead.close();
    this.#open.dispose();
  }
}

/** Sends chunks, no more at once than the window; ends the work when it is cancelled. */
function createOutput(memory: Memory): (chunk: Uint8Array<ArrayBuffer>) => void {
  let sent = 0;
  return (bytes) => {
    parentPort?.postMessage({ kind: "chunk", bytes } satisfies ArchiveResponse, [bytes.buffer]);
    sent++;
    for (;;) {
      checkCancelled(memory);
      const taken = Atomics.load(memory, shared.taken);
      if (sent - taken < window) return;
      Atomics.wait(memory, shared.taken, taken, cancelCheck);
    }
  };
}

function checkCancelled(memory: Memory): void {
  if (Atomics.load(memory, shared.cancelled) === 1) throw new EngineError("cancelled", "cancelled");
}

function readOnly(path: string, resolved: string, spec: UnpackIntoTask["view"]): EngineError {
  const isOwn = spec.readOnly && !spec.mounts.some(({ target }) => `${resolved}/`.startsWith(`${target}/`));
  const what = isOwn ? "container rootfs is marked read-only" : "mounted volume is marked read-only";
  return new EngineError("permission-denied", `${what}: ${textOf(path)}`);
}

function respond(response: ArchiveResponse): void {
  parentPort?.postMessage(response);
}
