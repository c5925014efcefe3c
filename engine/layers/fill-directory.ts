import * as fs from "node:fs";
import { errnoOf } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import { nodeOf } from "./container-path.ts";
import { ContainerView, type Place } from "./container-view.ts";
import {
  type AdoptTask,
  type FillPlace,
  type FillSource,
  type FillTask,
  filledName,
  fillingName,
} from "./fill-tasks.ts";
import { isLayerAttribute } from "./overlay-marks.ts";
import { packTree } from "./pack-tree.ts";
import { removeTree } from "./remove-tree.ts";
import { ownerInside } from "./shifted-ids.ts";
import { TarParser } from "./tar-parser.ts";
import { TarWriter } from "./tar-writer.ts";
import { TreeExtractor } from "./tree-extractor.ts";

const directoryFlags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY;

/** What a look at a source found: no directory, or one with nothing in it. */
export type Peek = "none" | "empty" | "full";

/** Short enough for the main thread: the file system of a container is the host's own. */
export function peekSource(source: FillSource): Peek {
  using opened = openSource(source);
  const place = opened.trail?.at(-1);
  if (place === undefined || !place.stat.isDirectory()) return "none";
  using directory = fs.opendirSync(`/proc/self/fd/${place.fd}`, { bufferSize: 1 });
  return directory.readSync() === null ? "empty" : "full";
}

/** Gives an empty directory the owner, mode, attributes and time of a source; the caller makes it durable. */
export function describeLike(source: FillSource, target: BytePath): void {
  using opened = openSource(source);
  const place = opened.trail?.at(-1);
  if (place === undefined || !place.stat.isDirectory()) return;
  const to = fs.openSync(pathOf(target), directoryFlags);
  try {
    copyAttributes({ from: place.fd, to, stat: fs.fstatSync(place.fd, { bigint: true }), ids: source.ids });
  } finally {
    fs.closeSync(to);
  }
}

/** Does a fill task. `check` throws to end it. Synchronous: for workers. */
export function fillDirectory(task: FillTask, check: () => void): boolean {
  using opened = openSource(task.source);
  const { trail } = opened;
  if (!trail?.at(-1)?.stat.isDirectory()) return false;
  const staging = fs.openSync(pathOf(task.staging), directoryFlags);
  const here = `/proc/self/fd/${staging}`;
  const making = `${here}/${fillingName}`;
  try {
    removeTree(making, here);
    fs.mkdirSync(making, 0o700);
    copyTree({ trail, ids: task.source.ids }, making, check);
    syscalls.syncfs(staging);
    fs.renameSync(making, `${here}/${filledName}`);
    adopt(here, task.target);
    return true;
  } catch (error) {
    removeTree(making, here);
    throw error;
  } finally {
    fs.closeSync(staging);
  }
}

/** Does an adopt task. Synchronous: for workers. */
export function adoptDirectory({ staging, target }: AdoptTask | FillPlace): boolean {
  return adopt(staging, target);
}

type Source = { readonly trail: readonly Place[]; readonly ids: IDRange | null | undefined };

function copyTree({ trail, ids }: Source, target: BytePath, check: () => void): void {
  using view = new ContainerView({ root: target, readOnly: false, pid: null, mounts: [] });
  using extractor = new TreeExtractor(view, [view.root], {
    noOverwriteDirNonDir: false,
    owner: null,
    describesTop: true,
  });
  const parser = new TarParser(extractor);
  const writer = new TarWriter((chunk) => {
    check();
    parser.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  });
  packTree(writer, nodeOf(trail), { path: ".", ids });
  writer.finish();
  parser.finish();
  extractor.finish();
}

/** By descriptors: a container may have the target mounted and put links in place of names. What is there already stays. */
function adopt(staging: BytePath, target: BytePath): boolean {
  const whole = `${staging}/${filledName}`;
  const from = openIfThere(whole);
  if (from === null) return false;
  try {
    const to = fs.openSync(pathOf(target), directoryFlags);
    // Its time as it was, before names go.
    const stat = fs.fstatSync(from, { bigint: true });
    try {
      for (const name of fs.readdirSync(`/proc/self/fd/${from}`, { encoding: "latin1" })) {
        const place = pathOf(`/proc/self/fd/${to}/${name}`);
        if (fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined) continue;
        fs.renameSync(pathOf(`/proc/self/fd/${from}/${name}`), place);
      }
      copyAttributes({ from, to, stat });
      fs.fsyncSync(to);
    } finally {
      fs.closeSync(to);
    }
  } finally {
    fs.closeSync(from);
  }
  removeTree(whole, staging);
  return true;
}

type Copied = {
  readonly from: number;
  readonly to: number;
  readonly stat: fs.BigIntStats;
  readonly ids?: IDRange | null | undefined;
};

function copyAttributes({ from, to, stat, ids }: Copied): void {
  const [source, target] = [`/proc/self/fd/${from}/.`, `/proc/self/fd/${to}/.`];
  const { uid, gid } = ownerInside({ uid: Number(stat.uid), gid: Number(stat.gid) }, ids);
  fs.fchownSync(to, uid, gid);
  fs.fchmodSync(to, Number(stat.mode & 0o7777n));
  for (const name of attributeNames(source)) {
    const value = syscalls.lgetxattr(source, name);
    if (value !== null) setAttribute(target, name, value);
  }
  const billion = 1_000_000_000n;
  const seconds = stat.mtimeNs >= 0n ? stat.mtimeNs / billion : -((-stat.mtimeNs + billion - 1n) / billion);
  syscalls.setModificationTime(target, {
    seconds: Number(seconds),
    nanoseconds: Number(stat.mtimeNs - seconds * billion),
  });
}

function attributeNames(path: BytePath): BytePath[] {
  try {
    return syscalls.llistxattr(path).filter(isLayerAttribute);
  } catch (error) {
    if (isUnsupported(error)) return [];
    throw error;
  }
}

function setAttribute(path: BytePath, name: BytePath, value: Buffer): void {
  try {
    syscalls.lsetxattr(path, name, value);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

function isUnsupported(error: unknown): boolean {
  return ["ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(error) ?? "");
}

function openIfThere(path: BytePath): number | null {
  try {
    return fs.openSync(pathOf(path), directoryFlags | fs.constants.O_NOFOLLOW);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}

function openSource({ root, path }: FillSource): { readonly trail: readonly Place[] | null } & Disposable {
  const view = new ContainerView({ root, readOnly: true, pid: null, mounts: [] });
  try {
    return { trail: view.walk(path, { followLast: true }), [Symbol.dispose]: () => view[Symbol.dispose]() };
  } catch (error) {
    view[Symbol.dispose]();
    throw error;
  }
}
