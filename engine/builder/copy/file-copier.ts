import type { Digest } from "../../oci/digest.ts";

/** A tree of the host from which files are taken. Nothing outside of `directory` is ever reached, whatever links are in it. */
export type SourceTree = {
  /** Absolute. */
  readonly directory: string;
  /** Lines of a .dockerignore; null: none. */
  readonly ignore: readonly string[] | null;
  /** Owners as on disk (another stage, an image, a tar context's own are 0:0 as docker makes them) or all 0:0 (a context). */
  readonly keepsOwners: boolean;
};

/** A file that came from elsewhere than a tree: a heredoc, or what ADD has fetched. */
export type LooseFile = {
  /** Its name where the target is a directory. */
  readonly name: string;
  readonly content: { readonly text: string } | { readonly path: string };
  /** Seconds since 1970; null: now. */
  readonly modifiedAt: number | null;
  /** 0o600 for what came from a URL, 0o644 for a heredoc. */
  readonly mode: number;
  /** A directory (git): its whole content, at `path`. */
  readonly isDirectory?: boolean;
  /** Unpacked where it is an archive (`ADD --unpack` of a URL); else never. */
  readonly unpack?: boolean;
};

/** One COPY or ADD, variables expanded. */
export type CopyWish = {
  /** Patterns of Go's filepath.Match, relative to the tree. */
  readonly sources: readonly string[];
  readonly files: readonly LooseFile[];
  /** As written; relative to `workingDirectory`. A trailing slash counts. */
  readonly target: string;
  readonly workingDirectory: string;
  /** `user[:group]`, names or numbers, names resolved in the target's own files; null: the source's owner, 0:0 for a context. */
  readonly chown: string | null;
  /** Octal or symbolic; null: as they are. */
  readonly chmod: string | null;
  readonly parents: boolean;
  /** Patterns of .dockerignore. */
  readonly excludes: readonly string[];
  /** Local archives are unpacked (ADD). */
  readonly unpack: boolean;
  /** Links of the target's path are not followed but replaced (COPY --link). */
  readonly link: boolean;
  /** Line of the Dockerfile as the user wrote the sources, for messages. */
  readonly what: string;
};

export type CopyDigest = {
  /**
   * Of names, types, modes, owners (where kept), extended attributes and contents of exactly what is read, and of nothing else: never of
   * a time, an inode or where the tree lies.
   */
  readonly digest: Digest;
  readonly files: number;
  readonly bytes: number;
  /** For `copy`: tells whether these very files, unchanged since, are what it copies. Never part of a key. */
  readonly stamp: string;
};

export type CopyWork = {
  readonly signal: AbortSignal;
  readonly onProgress?: (files: number, bytes: number) => void;
  /**
   * Of `copy`: the stamp that `digest` gave. Where files were changed in between, so that the digest is not theirs, it fails with
   * `failed-precondition`.
   */
  readonly stamp?: string;
};

/**
 * Finds, hashes and copies files for COPY and ADD, in worker threads. Fails with `not-found` where a source is not there (docker's words:
 * `"/x": not found`), `invalid-argument`, `corrupt` for an archive, `resource-exhausted`.
 */
export interface FileCopier extends AsyncDisposable {
  /** Starts a thread where none rests: for when it is known that files will be read, but not yet which. */
  warm(): void;
  digest(tree: SourceTree | null, wish: CopyWish, work: CopyWork): Promise<CopyDigest>;
  /** rootfs: absolute, mounted and writable, of nobody else. Times of files are kept; directories that it makes are of now. */
  copy(tree: SourceTree | null, wish: CopyWish, rootfs: string, work: CopyWork): Promise<void>;
  /**
   * Makes a directory with its parents inside a root file system, links resolved in it, as WORKDIR does. Gives false where it was there.
   */
  makeDirectory(
    rootfs: string,
    path: string,
    owner: { readonly uid: number; readonly gid: number } | null,
  ): Promise<boolean>;
  /** Where a path of a root file system really lies, on the host; links resolved inside. Null where nothing is there. */
  locate(directory: string, path: string): Promise<string | null>;
}
