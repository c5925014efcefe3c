import type { Operations } from "../events/operations.ts";
import type { LongWork } from "../images/image-service.ts";
import { cancellableOutput } from "../lib/cancellable-output.ts";
import { Throttle } from "../lib/throttle.ts";
import type { ArchiveOutput } from "./container-archives.ts";
import type { ContainerService } from "./container-service.ts";

/** How often it is told how far it is, in milliseconds. */
const interval = 100;

type Parts = { readonly containers: ContainerService; readonly operations: Operations };

/** Exports, for everyone to see and to cancel. */
export async function exportShown(
  { containers, operations }: Parts,
  container: string,
  { output, work }: { readonly output: ArchiveOutput; readonly work: LongWork },
): Promise<{ bytes: number }> {
  const abort = new AbortController();
  using operation = operations.begin("export", `export ${container.slice(0, 200)}`, () => abort.abort());
  let current = 0;
  using progress = new Throttle(interval, () => {
    const step = { phase: "exporting", object: "", current, total: null, unit: "bytes" } as const;
    operation.report(step);
    work.onProgress(step);
  });
  const signal = AbortSignal.any([work.signal, abort.signal]);
  const put = cancellableOutput(output, abort.signal, "export");
  const counted: ArchiveOutput = async (bytes) => {
    await put(bytes);
    current += bytes.length;
    progress.ask();
  };
  return await containers.archives.export(container, counted, { ...work, signal });
}
