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

/** What a wish reads: its digest, and whether a copy later still reads the same. Null: it cannot change. */
export type ReadFiles = { readonly digest: Digest; readonly stamp: string | null };

/** Reads exactly the files that the wish is about. */
export async function readFiles(build: Build, source: Source | null, wish: CopyWish): Promise<ReadFiles> {
  const { copier, digests } = build.parts;
  const make = async () => {
    const tree = source === null ? null : await treeOf(build, source);
    return copier.digest(tree, wish, { signal: build.signal });
  };
  // What is fetched or written in the Dockerfile is read each time.
  if (source?.type !== "chain" || wish.files.length > 0) return make();
  const { sources, parents, excludes, unpack, chown, what } = wish;
  const read = [chainIDOf(source.chain), sources, parents, excludes, unpack, chown !== null, what];
  return { digest: await digests.of(JSON.stringify(read), async () => (await make()).digest), stamp: null };
}

/** Copies what was read. Fails with `failed-precondition` where it is not the same any more. */
export async function copyFiles(
  build: Build,
  { source, wish, read }: { readonly source: Source | null; readonly wish: CopyWish; readonly read: ReadFiles },
  { rootfs, stepID }: { readonly rootfs: string; readonly stepID: number | null },
): Promise<void> {
  const tree = source === null ? null : await treeOf(build, source);
  const onProgress = (files: number): void => {
    if (stepID !== null) build.log.note(stepID, `${files} files`);
  };
  const stamp = read.stamp === null ? {} : { stamp: read.stamp };
  await build.parts.copier.copy(tree, wish, rootfs, { signal: build.signal, onProgress, ...stamp });
}

/** Times that a step begins anew because somebody changes its files while it reads them. */
const mostTries = 3;

/** Does what reads files and then copies them, again where they were changed in between. */
export async function untilUnchanged<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const isChanged = error instanceof EngineError && error.code === "failed-precondition" && error.exitCode === null;
      if (!isChanged || tries === mostTries) throw error;
    }
  }
}

/** A wish for all that lies at a path, to lie at the same path: absolute, or `.` for all there is. */
export function wholeOf(path: string): CopyWish {
  const isAll = path === "" || path === "/" || path === ".";
  return {
    sources: [isAll ? "." : path],
    files: [],
    target: "/",
    workingDirectory: "/",
    chown: null,
    chmod: null,
    parents: !isAll,
    excludes: [],
    unpack: false,
    link: false,
    what: path,
  };
}

/** A path of a source on the host, links resolved inside of it. Fails with `not-found`. */
export async function locate(build: Build, directory: string, path: string): Promise<string> {
  const found = await build.parts.copier.locate(directory, path);
  if (found !== null) return found;
  throw new EngineError("not-found", `failed to compute cache key: ${JSON.stringify(path)}: not found`);
}
