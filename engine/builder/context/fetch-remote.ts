import { chmod, mkdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { RemoteFile } from "./build-context.ts";
import { download } from "./download.ts";
import { cloneRepository } from "./git-clone.ts";
import { type GitReference, parseGitReference } from "./git-reference.ts";
import { parseAddress } from "./http-get.ts";
import { scopedDirectory } from "./scoped-directory.ts";

export type FetchOptions = {
  /** Empty, of the caller's own: what is fetched lies in it. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** What the file's digest has to be, or what a repository's commit begins with; null: whatever comes. */
  readonly checksum: string | null;
  readonly keepGitDirectory: boolean;
};

/**
 * Fetches what ADD names by a URL: a repository as a directory, anything else as one file. Fails with `invalid-argument`, `not-found`, `corrupt` where
 * the checksum is another one, `unavailable`, `cancelled`.
 */
export async function fetchRemote(url: string, options: FetchOptions): Promise<RemoteFile> {
  const reference = parseGitReference(url);
  if (reference !== null && reference.scheme !== "file") return await fetchRepository(reference, options);
  const path = join(options.directory, "file");
  const { modifiedAt } = await download(url, { path, signal: options.signal, checksum: options.checksum });
  return { path, name: nameOf(url), isDirectory: false, modifiedAt };
}

async function fetchRepository(reference: GitReference, options: FetchOptions): Promise<RemoteFile> {
  const checksum = options.checksum ?? reference.checksum;
  if (reference.checksum !== null && reference.checksum !== checksum) {
    throw new EngineError("invalid-argument", `checksum mismatch "${options.checksum}" != "${reference.checksum}"`);
  }
  const directory = join(options.directory, "repository");
  await mkdir(directory, { mode: 0o755 });
  // For git, which runs as nobody.
  await chmod(options.directory, 0o711);
  const keepsGit = reference.keepsGit ?? options.keepGitDirectory;
  await cloneRepository({ ...reference, checksum }, { directory, keepsGit, signal: options.signal });
  const path = scopedDirectory(directory, reference.directory);
  return { path, name: posix.basename(reference.remote, ".git"), isDirectory: true, modifiedAt: null };
}

/** Of the URL's path, as docker has it. */
function nameOf(url: string): string {
  const base = posix.basename(decoded(parseAddress(url).pathname));
  return base === "" || base === "." || base === ".." || base.includes("\0") ? "__unnamed__" : base;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
