import { EngineError } from "../../errors.ts";
import { chainIDOf } from "../../oci/chain-id.ts";
import type { DiffID, Digest } from "../../oci/digest.ts";
import type { CopyWish, SourceTree } from "../copy/file-copier.ts";
import type { Build } from "./build.ts";
import type { StageState } from "./stage-state.ts";

/** Where a COPY, or a mount of a RUN, takes files from. */
export type Source =
  /** Files of the host or of a scratch directory. */
  | { readonly type: "tree"; readonly tree: SourceTree }
  /** A stage or an image; held by the build. */
  | { readonly type: "chain"; readonly chain: readonly DiffID[] };

/** Finds what `--from` names; null: the context. */
export type FindSource = (from: string | null) => Promise<Source>;

export function chainSource({ chain }: Pick<StageState, "chain">): Source {
  return { type: "chain", chain };
}

/** Its files at hand. Nobody writes into them. */
export async function treeOf(build: Build, source: Source): Promise<SourceTree> {
  if (source.type === "tree") return source.tree;
  return { directory: await build.views.open(source.chain), ignore: null, keepsOwners: true };
}

/** Digest of exactly the files that the wish reads. */
export async function digestOf(build: Build, source: Source | null, wish: CopyWish): Promise<Digest> {
  const { copier, digests } = build.parts;
  const make = async (): Promise<Digest> => {
    const tree = source === null ? null : await treeOf(build, source);
    return (await copier.digest(tree, wish, { signal: build.signal })).digest;
  };
  // What is fetched or written in the Dockerfile is read each time.
  if (source?.type !== "chain" || wish.files.length > 0) return make();
  const { sources, parents, excludes, unpack, chown, what } = wish;
  const read = [chainIDOf(source.chain), sources, parents, excludes, unpack, chown !== null, what];
  return digests.of(JSON.stringify(read), make);
}

/** A wish for all that lies at a path, as it is. */
export function wholeOf(path: string, what: string): CopyWish {
  return {
    sources: [path],
    files: [],
    target: "/",
    workingDirectory: "/",
    chown: null,
    chmod: null,
    parents: false,
    excludes: [],
    unpack: false,
    link: false,
    what,
  };
}

/** A path of a source on the host, links resolved inside of it. Fails with `not-found`. */
export async function locate(build: Build, directory: string, path: string): Promise<string> {
  const found = await build.parts.copier.locate(directory, path);
  if (found !== null) return found;
  throw new EngineError("not-found", `failed to compute cache key: ${JSON.stringify(path)}: not found`);
}
