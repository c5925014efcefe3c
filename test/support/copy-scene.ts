import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CopyDigest, CopyWish, FileCopier, SourceTree } from "../../engine/builder/copy/file-copier.ts";
import { openFileCopier } from "../../engine/builder/copy/local-file-copier.ts";
import { type TempRoot, tempRoot } from "./temp-root.ts";

export type CopyScene = AsyncDisposable & {
  readonly copier: FileCopier;
  readonly root: TempRoot;
  /** Absolute directories. */
  readonly context: string;
  readonly rootfs: string;
  copy(wish: Partial<CopyWish>, tree?: Partial<SourceTree>): Promise<void>;
  digest(wish: Partial<CopyWish>, tree?: Partial<SourceTree>): Promise<CopyDigest>;
  /** Runs a shell script in the context's directory, with the rootfs as `$R`. */
  sh(script: string): string;
};

export const plainWish: CopyWish = {
  sources: [],
  files: [],
  target: "/",
  workingDirectory: "/",
  chown: null,
  chmod: null,
  parents: false,
  excludes: [],
  unpack: false,
  link: false,
  what: "",
};

/** So that the threads of one test are there for the next; they end by themselves when nobody needs them. */
const keepers: FileCopier[] = [];

/** A context and an empty root file system to copy into. */
export async function copyScene(files: Readonly<Record<string, string>> = {}): Promise<CopyScene> {
  const root = await tempRoot();
  const [context, rootfs] = [root.join("context"), root.join("rootfs")];
  const copier = openFileCopier();
  if (keepers.length === 0) keepers.push(openFileCopier());
  mkdirSync(context);
  mkdirSync(rootfs, { mode: 0o755 });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(context, path)), { recursive: true });
    writeFileSync(join(context, path), text);
  }
  const treeOf = (tree: Partial<SourceTree>) => ({ directory: context, ignore: null, keepsOwners: false, ...tree });
  const work = () => ({ signal: AbortSignal.timeout(30_000) });
  return {
    copier,
    root,
    context,
    rootfs,
    copy: (wish, tree = {}) => copier.copy(treeOf(tree), { ...plainWish, ...wish }, rootfs, work()),
    digest: (wish, tree = {}) => copier.digest(treeOf(tree), { ...plainWish, ...wish }, work()),
    sh: (script) =>
      execFileSync("bash", ["-ceu", script], { cwd: context, env: { ...process.env, R: rootfs }, encoding: "utf8" }),
    async [Symbol.asyncDispose]() {
      await copier[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}
