import type { CopyDigest, CopyWish, SourceTree } from "./file-copier.ts";

type Job = {
  readonly tree: SourceTree | null;
  readonly wish: CopyWish;
  /** Shared memory: files and bytes so far. */
  readonly counts: BigInt64Array<SharedArrayBuffer>;
};

/** What the main thread asks of a copy worker: data only. */
export type DigestTask = Job & { readonly kind: "digest" };
export type CopyTask = Job & { readonly kind: "copy"; readonly rootfs: string; readonly stamp: string | null };
/** Does nothing. */
export type WarmTask = { readonly kind: "warm" };
export type FilesTask = DigestTask | CopyTask | WarmTask;

export type FilesTaskResults = { readonly digest: CopyDigest; readonly copy: null; readonly warm: null };

/** What a task looks at while it works. */
export type FilesWatch = {
  /** Throws to end it. */
  readonly check: () => void;
  readonly isCancelled: () => boolean;
  /** After each file. */
  readonly onFile: (bytes: number) => void;
};
