import { EngineError } from "../../errors.ts";
import type { RemoteFile } from "./build-context.ts";

export type FetchOptions = {
  /** Empty, of the caller's own: what is fetched lies in it. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** What the file's digest has to be, or for a repository its commit; null: whatever comes. */
  readonly checksum: string | null;
  readonly keepGitDirectory: boolean;
};

/** Fetches what ADD names by a URL. */
export async function fetchRemote(url: string, _options: FetchOptions): Promise<RemoteFile> {
  throw new EngineError("unimplemented", `ADD ${url}: remote files are not there yet`);
}
