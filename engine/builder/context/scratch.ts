import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { WorkerPool } from "../../layers/worker-pool.ts";
import { bytePathOf } from "../../lib/byte-path.ts";

/** A directory that goes with all in it when it is disposed of. */
export type Scratch = AsyncDisposable & { readonly path: string };

/** Makes one of a new name. isPassable: others may reach what lies in it, if they know how it is called. */
export async function openScratch(parent: string, isPassable = false): Promise<Scratch> {
  const path = join(parent, `context-${randomUUID()}`);
  await mkdir(path, { mode: isPassable ? 0o711 : 0o700 });
  return { path, [Symbol.asyncDispose]: () => removeDirectory(path) };
}

/** In a thread: it may be 100,000 files of a stranger. A success where it is gone. */
export async function removeDirectory(path: string): Promise<void> {
  await using pool = new WorkerPool(1);
  await pool.run({ kind: "remove", path: bytePathOf(path), parking: bytePathOf(dirname(path)) });
}
