import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import { closeOpened, openBelow, resolve } from "../../host/file-calls.ts";
import { type BytePath, bytePathOf, bytePathOfWire, textOf } from "../../lib/byte-path.ts";
import { rowOf } from "./describe-node.ts";
import { kinds } from "./file-record.ts";
import type { LocateTask, ReadTask, Stack } from "./files-tasks.ts";
import type { OpenTree } from "./index-store.ts";
import { locate } from "./locate.ts";

const pageLimit = 65_536;
const oPath = 0o10000000;
/** A fifo must not hang the engine, and a terminal not become its own. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/**
 * A page of a regular file, of what was removed as well. Symbolic links are followed within the view. Fails with `not-found`, and `invalid-argument`
 * for anything that is no regular file.
 */
export function readPage(open: OpenTree, task: ReadTask): { bytes: Uint8Array; size: number } {
  const { node, path } = locate(open.tree, open.view, bytePathOfWire(task.path), true);
  const { kind, layer } = open.tree.factsOf(rowOf(node));
  if (kind !== kinds.file && kind !== kinds.hardlink) throw notRegular(path);
  const fd = openRegular(directoryOf(task.view.stack, layer), path);
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(pageLimit, task.length, size - task.offset)));
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, task.offset + length);
      if (count === 0) break;
      length += count;
    }
    return { bytes: bytes.subarray(0, length), size };
  } finally {
    closeOpened(fd);
  }
}

/** What an archive of a path is made from; of what was removed, the layers that had it. Links among its parents are followed. */
export function locateForArchive(open: OpenTree, task: LocateTask): { path: string; directories: string[] } {
  const { node, path } = locate(open.tree, open.view, bytePathOfWire(task.path), false);
  const { layer, isOwn } = open.view;
  const isRemoved = node.row === -1;
  if (isOwn && !isRemoved && node.rowLayer !== layer) {
    throw new EngineError("not-found", `${textOf(path)} is not in layer ${layer}`);
  }
  const last = isRemoved ? layer - 1 : layer;
  const first = isOwn && !isRemoved ? layer : 0;
  const directories: string[] = [];
  for (let index = last; index >= first; index--) directories.push(bytePathOf(directoryOf(task.view.stack, index)));
  return { path: path.slice(1), directories };
}

/** The directory of a layer of a stack, the writable one included. */
export function directoryOf(stack: Stack, layer: number): string {
  const directory = stack.layers[layer]?.directory ?? stack.writable?.directory;
  if (directory === undefined) throw new EngineError("internal", `layer ${layer} is not in the stack`);
  return directory;
}

/** Opens a regular file of one layer by its real path: no link is followed, whatever a container puts in its place meanwhile. To be closed by `closeOpened`. */
export function openRegular(directory: string, path: BytePath): number {
  const top = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | oPath);
  try {
    const how = resolve.beneath | resolve.noSymlinks | resolve.noMagicLinks;
    const fd = openBelow(top, path.slice(1), openFlags, how);
    if (fstatSync(fd).isFile()) return fd;
    closeOpened(fd);
    throw notRegular(path);
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (!["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(errno)) throw error;
    throw new EngineError("not-found", `${textOf(path)} is gone, or was replaced just now`, { cause: error });
  } finally {
    closeSync(top);
  }
}

function notRegular(path: BytePath): EngineError {
  return new EngineError("invalid-argument", `${path === "" ? "/" : textOf(path)} is not a regular file`);
}
