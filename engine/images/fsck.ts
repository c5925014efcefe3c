import type { Operations } from "../events/operations.ts";
import type { FsckReport } from "../protocol/upkeep.ts";
import { shortID } from "./catalog.ts";
import { checkBytes } from "./fsck-bytes.ts";
import { Findings } from "./fsck-findings.ts";
import { checkImages } from "./fsck-images.ts";
import { checkOrphans, checkTables } from "./fsck-orphans.ts";
import type { FsckParts, FsckRun } from "./fsck-parts.ts";
import type { LongWork } from "./image-service.ts";
import { ProgressReporter } from "./progress-reporter.ts";

/** Its kind among the works that are shown. */
const fsckKind = "fsck";

/**
 * Reads every byte that belongs to images and sees whether it is what it was, beside everything else that goes on: what is looked at is held,
 * and what comes or goes meanwhile is no finding.
 */
export class Fsck {
  readonly #parts: Omit<FsckParts, "isBusy"> & { readonly operations: Operations };
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Omit<FsckParts, "isBusy"> & { readonly operations: Operations }) {
    this.#parts = parts;
  }

  /** One at a time: what one repairs is not to be found by another. Fails with `cancelled`. */
  run(repair: boolean, work: LongWork): Promise<FsckReport> {
    const run = this.#last.then(() => this.#run(repair, work));
    this.#last = run.catch(() => {});
    return run;
  }

  async #run(repair: boolean, work: LongWork): Promise<FsckReport> {
    const { operations, sweeper, blobs } = this.#parts;
    const abort = new AbortController();
    using operation = operations.begin(fsckKind, "check of the store", () => abort.abort());
    using progress = new ProgressReporter((step) => {
      operation.report(step);
      work.onProgress(step);
    });
    const findings = new Findings(repair);
    const sizes = await blobs.measure();
    const sweeps = sweeper.count;
    await sweeper.idle();
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const read = new Map<string, number>();
    const run: FsckRun = {
      ...this.#parts,
      findings,
      sweeps,
      signal: AbortSignal.any([work.signal, abort.signal]),
      whole: new Set(),
      damaged: new Map(),
      wrong: new Set(),
      isBusy: () => operations.list().some(({ kind }) => kind !== fsckKind),
      reading: (object) => (bytes) => {
        read.set(object, bytes);
        const current = Math.min(
          total,
          [...read.values()].reduce((sum, size) => sum + size, 0),
        );
        progress.report("checking", shortID(object), { current, total });
      },
    };
    try {
      const counts = { ...(await checkBytes(run)), images: await checkImages(run) };
      await checkTables(run);
      await checkOrphans(run);
      return { ...counts, bytes: total, findings: findings.list };
    } finally {
      if (sweeper.count !== sweeps) void sweeper.request();
    }
  }
}
