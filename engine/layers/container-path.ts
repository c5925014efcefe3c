import { EngineError } from "../errors.ts";
import { type BytePath, textOf } from "../lib/byte-path.ts";
import type { PathStat } from "../protocol/archives.ts";
import type { ContainerView, Place } from "./container-view.ts";
import type { PackNode } from "./merged-directories.ts";

/** A path that ends with `/` or `/.` says that it is a directory, so that a link in the last place is followed. */
export function isAsserted(path: BytePath): boolean {
  return /(^|\/)\.?$/.test(path);
}

/** The last name of a path as Go's filepath.Base gives it: entries of an archive begin with it. */
export function splitLast(path: BytePath): BytePath {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** What to pack: by its parent where the place itself may be a link, which a descriptor's path would lead away from. */
export function nodeOf(trail: readonly Place[]): PackNode {
  const place = trail.at(-1);
  const parent = trail.at(-2);
  if (place === undefined) throw new Error("an empty trail");
  if (parent === undefined || place.isMount || place.stat.isDirectory()) {
    return { paths: [`/proc/self/fd/${place.fd}`], isPinned: true };
  }
  const name = place.path.slice(place.path.lastIndexOf("/") + 1);
  return { paths: [`/proc/self/fd/${parent.fd}/${name}`] };
}

export function statPlace(view: ContainerView, place: Place, path: BytePath): PathStat {
  const { stat } = place;
  return {
    name: textOfName(splitLast(path)),
    size: stat.size,
    mode: stat.mode,
    modifiedAt: stat.mtime.toISOString(),
    linkTarget: stat.isSymbolicLink() ? textOfName(view.targetOf(path)) : "",
  };
}

/** Refuses a file whose path says that it is a directory. */
export function checkDirectory(place: Place, path: BytePath): void {
  if (!isAsserted(path) || place.stat.isDirectory()) return;
  throw new EngineError("invalid-argument", `lstat ${textOf(path)}: not a directory`);
}

export function notFound(path: BytePath): EngineError {
  return new EngineError("not-found", `could not find the file ${textOf(path)}`);
}

function textOfName(path: BytePath): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
