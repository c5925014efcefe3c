import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { tryCommand } from "../../host/commands.ts";
import { KeyedQueue } from "../../lib/keyed-queue.ts";
import { hexOf, sha256 } from "../../oci/digest.ts";
import type { CacheRecord } from "../../protocol/builds.ts";
import type { RunMount } from "../dockerfile/types.ts";
import { CacheLocks } from "./cache-locks.ts";
import { copyTree } from "./copy-tree.ts";
import type { CacheMounts } from "./step-runner.ts";

type CacheMount = Extract<RunMount, { type: "cache" }>;

/** Milliseconds for `du` of a large cache. */
const patience = 60_000;
/** 64 hex digits of what the cache is of; a number for each more that `private` has made. */
const namePattern = /^[0-9a-f]{64}(-\d{1,4})?$/;

const recordSchema = z.object({
  id: z.string(),
  target: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
  usageCount: z.number(),
});
type CacheMountRecord = z.infer<typeof recordSchema>;

/** Of this process, which is the only one that works in its root. */
const locks = new CacheLocks();
const writes = new KeyedQueue();

/**
 * Caches of `--mount=type=cache`, one directory each:
 *
 *     <root>/build/mounts/<name>/files/        what a step sees
 *     <root>/build/mounts/<name>/record.json   whose it is, and when it was used last
 *
 * One that is being made or taken away has a name that begins with a dot.
 */
export async function openCacheMounts({ root }: { readonly root: string }): Promise<CacheMounts> {
  const directory = directoryOf(root);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const cutOff = (await readdir(directory)).filter((name) => name.startsWith("."));
  for (const name of cutOff) await rm(join(directory, name), { recursive: true, force: true });
  return {
    open: async (mount, initial, signal, origin = null) => {
      const { name, lock } = await choose(directory, { mount, name: nameOf(mount, origin) }, signal);
      try {
        const path = await writes.run(join(directory, name), () => ensure(directory, name, { mount, initial, signal }));
        return {
          path,
          [Symbol.asyncDispose]: async () => {
            await writes.run(join(directory, name), () => touch(join(directory, name))).catch(() => {});
            lock[Symbol.dispose]();
          },
        };
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
    },
  };
}

/** All caches of a root, for `builder du`. Their sizes are measured by du(1). */
export async function listCacheMounts(root: string): Promise<CacheRecord[]> {
  const directory = directoryOf(root);
  const names = (await readdir(directory).catch(() => [])).filter((name) => namePattern.test(name));
  const records = await Promise.all(names.map((name) => describe(directory, name)));
  return records.filter((record) => record !== null);
}

/** Takes one away, by the id of its record. Gives bytes freed; null where it is in use, or gone. */
export async function removeCacheMount(root: string, id: string): Promise<number | null> {
  const directory = directoryOf(root);
  if (!namePattern.test(id)) return null;
  const path = join(directory, id);
  using lock = locks.tryTake(path, false);
  if (lock === null) return null;
  const size = await sizeOf(path);
  const going = join(directory, `.gone-${randomBytes(8).toString("hex")}`);
  const wasThere = await rename(path, going).then(
    () => true,
    () => false,
  );
  if (!wasThere) return null;
  await rm(going, { recursive: true, force: true });
  return size;
}

function directoryOf(root: string): string {
  return join(root, "build", "mounts");
}

/** BuildKit tells caches apart by the same: what it begins with is part of what it is. */
function nameOf({ id, target, from, source, mode, uid, gid }: CacheMount, origin: string | null): string {
  const beginning = from === null ? { mode, uid, gid } : { from: origin ?? from, source };
  return hexOf(sha256(JSON.stringify([id || target, beginning])));
}

/** `shared` and `locked` are always of the first directory; `private` takes the first that nobody has. */
async function choose(
  directory: string,
  { mount, name }: { readonly mount: CacheMount; readonly name: string },
  signal: AbortSignal,
) {
  if (mount.sharing !== "private") {
    return { name, lock: await locks.take(join(directory, name), mount.sharing === "shared", signal) };
  }
  for (let number = 0; ; number++) {
    const own = number === 0 ? name : `${name}-${number}`;
    const lock = locks.tryTake(join(directory, own), false);
    if (lock !== null) return { name: own, lock };
  }
}

type Wanted = { readonly mount: CacheMount; readonly initial: string | null; readonly signal: AbortSignal };

/** Gives the directory of the files; a new one has all of them from the beginning, or is not there. */
async function ensure(directory: string, name: string, { mount, initial, signal }: Wanted): Promise<string> {
  const path = join(directory, name);
  const record = await readRecord(path);
  if (record !== null) return join(path, "files");
  // Without a record nobody knows what it is.
  await rm(path, { recursive: true, force: true });
  const making = join(directory, `.new-${randomBytes(8).toString("hex")}`);
  const files = join(making, "files");
  try {
    await mkdir(files, { recursive: true, mode: 0o700 });
    if (initial === null) {
      await chown(files, mount.uid, mount.gid);
      await chmod(files, mount.mode);
    } else {
      await fill(files, initial, signal);
    }
    const now = new Date().toISOString();
    const { id, target } = mount;
    await writeRecord(making, { id, target, createdAt: now, lastUsedAt: now, usageCount: 0 });
    await rename(making, path);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw EngineError.wrap(`make cache mount ${mount.target}`, error);
  }
  return join(path, "files");
}

async function fill(files: string, initial: string, signal: AbortSignal): Promise<void> {
  if (!(await stat(initial)).isDirectory()) {
    throw new EngineError("invalid-argument", "the source of a cache has to be a directory");
  }
  await copyTree(initial, files, signal);
}

async function touch(path: string): Promise<void> {
  const record = await readRecord(path);
  if (record === null) return;
  const { usageCount } = record;
  await writeRecord(path, { ...record, lastUsedAt: new Date().toISOString(), usageCount: usageCount + 1 });
}

async function describe(directory: string, name: string): Promise<CacheRecord | null> {
  const path = join(directory, name);
  const [record, size] = await Promise.all([readRecord(path), sizeOf(path)]);
  if (record === null) return null;
  const { id, target, createdAt, lastUsedAt, usageCount } = record;
  return {
    id: name,
    parents: [],
    type: "exec.cachemount",
    description: `cached mount ${target}${id === "" || id === target ? "" : ` with id ${JSON.stringify(id)}`}`,
    inUse: locks.isTaken(path),
    shared: false,
    size,
    createdAt,
    lastUsedAt,
    usageCount,
  };
}

/** 0 where it cannot be told. */
async function sizeOf(path: string): Promise<number> {
  const measured = await tryCommand("du", ["-sk", join(path, "files")], { timeout: patience }).catch(() => null);
  return Number(/^(\d+)\s/.exec(measured?.stdout ?? "")?.[1] ?? 0) * 1024;
}

async function readRecord(path: string): Promise<CacheMountRecord | null> {
  try {
    return z.parse(recordSchema, JSON.parse(await readFile(join(path, "record.json"), "utf8")));
  } catch {
    return null;
  }
}

async function writeRecord(path: string, record: CacheMountRecord): Promise<void> {
  const file = join(path, "record.json");
  await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
