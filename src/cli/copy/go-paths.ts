import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { posix } from "node:path";
import { EngineError } from "../../../engine/errors.ts";

/**
 * What `docker cp` makes of paths (its reference, "docker container cp"; moby, archive/copy.go): what stands at the end of a path, `/`
 * or `/.`, decides whether a directory or its content is meant.
 */

/** One end of a copy. */
export type CopyEnd = {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
  /** Name of the top entry in the archive where it is not the last one of `path`. */
  readonly rebaseName: string;
};

/** Where an archive is unpacked, and how its top entry is renamed; null where it keeps its name. */
export type CopyPlan = {
  readonly directory: string;
  readonly rename: { readonly from: string; readonly to: string } | null;
};

/** Go's filepath.Clean: without a slash at the end. */
export function clean(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/+$/, "");
}

/** Go's filepath.Base. */
export function baseOf(path: string): string {
  if (path === "") return ".";
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

export function endsWithSlash(path: string): boolean {
  return path.endsWith("/");
}

/** The content of a directory is meant. */
function meansContent(path: string): boolean {
  return baseOf(path) === ".";
}

/** The directory of a path and its last name; `.` for the content of a directory. */
export function splitEntry(path: string): { readonly directory: string; readonly base: string } {
  const cleaned = clean(path);
  if (meansContent(path)) return { directory: cleaned, base: "." };
  return { directory: posix.dirname(cleaned), base: baseOf(cleaned) };
}

/** What a link leads to, in place of the path that names the link; its name in the archive stays that of the link. */
export function followedSource(path: string, target: string): { readonly path: string; readonly rebaseName: string } {
  const absolute = posix.isAbsolute(target) ? target : posix.join(splitEntry(path).directory, target);
  const followed = withEndOf(absolute, path);
  return { path: followed, rebaseName: baseOf(path) === baseOf(followed) ? "" : baseOf(path) };
}

/** Absolute; what a path's end says about it stays. */
export function resolveLocal(path: string): string {
  return withEndOf(posix.resolve(path), path);
}

/** `resolved` with the `/.` or `/` at the end of `original`. */
function withEndOf(resolved: string, original: string): string {
  const slashed = endsWithSlash(resolved) ? resolved : `${resolved}/`;
  if (meansContent(original) && !meansContent(resolved))
    return endsWithSlash(original) ? `${slashed}./` : `${slashed}.`;
  return endsWithSlash(original) ? slashed : resolved;
}

/** A path on this host that is copied from. Links in it are followed; the last one only if asked, or with a `/` behind it. */
export function localSource(path: string, followLink: boolean): CopyEnd {
  let resolved: string;
  let rebaseName = "";
  if (followLink) {
    const real = withEndOf(realpathSync(path), path);
    resolved = real;
    if (baseOf(path) !== baseOf(real)) rebaseName = baseOf(path);
  } else {
    const slash = path.lastIndexOf("/") + 1;
    const directory = realpathSync(path.slice(0, slash));
    resolved = `${directory}/${path.slice(slash)}`;
    if (endsWithSlash(path) && baseOf(path) !== baseOf(resolved)) rebaseName = baseOf(path);
  }
  return { path: resolved, exists: true, isDirectory: lstatSync(resolved).isDirectory(), rebaseName };
}

const mostLinks = 10;

/** A path on this host that is copied to, all links followed. It need not exist, but its directory must. */
export function localDestination(path: string): CopyEnd {
  let at = path;
  let stat = lstat(at);
  for (let hops = 0; stat?.isSymbolicLink(); hops++) {
    if (hops > mostLinks) throw new EngineError("invalid-argument", `too many symlinks in ${path}`);
    const target = readlinkSync(at);
    at = posix.isAbsolute(target) ? target : posix.join(splitEntry(at).directory, target);
    stat = lstat(at);
  }
  if (stat !== null) return { path: at, exists: true, isDirectory: stat.isDirectory(), rebaseName: "" };
  if (!statSync(splitEntry(at).directory).isDirectory()) throw new EngineError("invalid-argument", "not a directory");
  return { path: at, exists: false, isDirectory: false, rebaseName: "" };
}

/** docker's rules for what is created where. Fails with `invalid-argument` for a directory onto a file, or into nothing. */
export function planCopy(source: CopyEnd, destination: CopyEnd): CopyPlan {
  const from = splitEntry(source.path).base;
  if (destination.exists && destination.isDirectory) {
    const rename = source.rebaseName === "" ? null : { from, to: source.rebaseName };
    return { directory: destination.path, rename };
  }
  if (destination.exists && source.isDirectory) throw new EngineError("invalid-argument", "cannot copy directory");
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path)) {
    throw new EngineError("invalid-argument", "no such directory");
  }
  const { directory, base } = splitEntry(destination.path);
  return { directory, rename: { from, to: base } };
}

function assertsDirectory(path: string): boolean {
  return endsWithSlash(path) || meansContent(path);
}

function lstat(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Gives an entry of an archive its new name. */
export function renameEntry(name: string, rename: CopyPlan["rename"]): string {
  if (rename === null) return name;
  const from = rename.from === "/" ? "" : rename.from;
  return name.startsWith(from) ? `${rename.to}${name.slice(from.length)}` : name;
}
