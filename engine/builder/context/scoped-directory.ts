import { readlinkSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import { closeOpened, openBelow, resolve } from "../../host/file-calls.ts";
import { openAt, openFlags } from "../../host/tree-calls.ts";
import { bytePathOf } from "../../lib/byte-path.ts";

/** Where a directory of a tree lies, links in its path followed inside the tree only. Fails with `not-found`. */
export function scopedDirectory(top: string, path: string): string {
  if (path === "") return top;
  const fd = openAt(-100, bytePathOf(`${top}/.`), openFlags.path | openFlags.directory);
  try {
    const flags = openFlags.path | openFlags.directory;
    const found = openBelow(fd, bytePathOf(path), flags, resolve.inRoot | resolve.noMagicLinks);
    try {
      return readlinkSync(`/proc/self/fd/${found}`);
    } finally {
      closeOpened(found);
    }
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) throw error;
    throw new EngineError("not-found", `there is no directory ${JSON.stringify(path)} in it`, { cause: error });
  } finally {
    closeOpened(fd);
  }
}
