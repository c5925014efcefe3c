import type { ContextSource, NamedContext } from "../../protocol/builds.ts";
import type { SourceTree } from "../copy/file-copier.ts";

/** A context that is at hand; disposing takes away what was made for it. */
export interface BuildContext extends AsyncDisposable {
  readonly directory: string;
  /** A whole file, links followed inside the context only. Null where it is not there. Fails with `invalid-argument` above `limit` bytes. */
  readFile(path: string, limit: number): Promise<Buffer | null>;
  /** The files of the context without those that an ignore file names. */
  tree(ignore: readonly string[] | null): SourceTree;
  /** For a remote one: what it is, e.g. `https://…#<commit>`; null: it has no name. */
  readonly source: string | null;
}

export type ContextOptions = {
  /** Bytes of a `stream` context. */
  readonly stream: AsyncIterable<Uint8Array> | null;
  /** Directory of the engine's own, where tars and clones go. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
};

/** Opens a directory in place; unpacks a tar, clones a repository or fetches a URL into `scratch`. */
export type OpenContext = (
  source: ContextSource | Exclude<NamedContext, { type: "image" | "oci-layout" }>,
  options: ContextOptions,
) => Promise<BuildContext>;

/** What ADD fetches: an http(s) URL as one file, or a git repository as a directory, below `directory`. */
export type RemoteFile = {
  readonly path: string;
  readonly name: string;
  readonly isDirectory: boolean;
  /** Of Last-Modified, seconds since 1970; null: it said nothing. */
  readonly modifiedAt: number | null;
};
