import { WorkerPool } from "../../layers/worker-pool.ts";
import { workerURL } from "../../lib/worker-url.ts";
import type { ScanResult } from "./found-package.ts";

/** See ScanOptions. */
export type ScanTask = { readonly kind: "scan"; readonly root: string; readonly scratch: string };

/** Finds the packages of a mounted root file system, in a thread of its own. Fails with `cancelled`, `resource-exhausted`. */
export async function scanImage(
  { root, scratch }: { readonly root: string; readonly scratch: string },
  signal: AbortSignal,
): Promise<ScanResult> {
  await using pool = new WorkerPool<ScanTask, { readonly scan: ScanResult }>(
    1,
    workerURL(import.meta.url, "sbom-worker"),
  );
  return await pool.run({ kind: "scan", root, scratch }, { signal });
}
