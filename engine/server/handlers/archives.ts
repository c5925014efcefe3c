import type { LongWork } from "../../images/image-service.ts";
import { cancellableOutput } from "../../lib/cancellable-output.ts";
import { Throttle } from "../../lib/throttle.ts";
import type { archiveMethods } from "../../protocol/archives.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { type DownloadOutput, download } from "./download.ts";
import { upload } from "./images.ts";

type ArchiveMethods = keyof typeof archiveMethods;

export function archiveHandlers(parts: ServerParts): Pick<Handlers, ArchiveMethods> {
  const { images, containers } = parts;
  return {
    "images.save": ({ streamID, ...request }, call) =>
      download(streamID, call, (output, work) => images.save(request, output, work)),
    "containers.export": ({ container, streamID }, call) =>
      download(streamID, call, (output, work) => exportShown(parts, container, { output, work })),
    "containers.commit": ({ container, ...request }, call) =>
      containers.archives.commit(container, request, { signal: call.signal, onProgress: call.report }),
    "containers.statPath": ({ container, path }) => containers.archives.statPath(container, path),
    "containers.copyOut": ({ container, streamID, ...from }, call) =>
      download(streamID, call, (output, work) => containers.archives.copyOut(container, from, { output, work })),
    "containers.copyIn": ({ container, streamID, ...options }, call) =>
      upload(streamID, call, (tar, work) => containers.archives.copyIn(container, options, { tar, work })),
  };
}

/** How often it is told how far it is, in milliseconds. */
const interval = 100;

/** Exports, for everyone to see and to cancel. */
async function exportShown(
  { containers, operations }: ServerParts,
  container: string,
  { output, work }: { readonly output: DownloadOutput; readonly work: LongWork },
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
  const counted: DownloadOutput = async (bytes) => {
    await put(bytes);
    current += bytes.length;
    progress.ask();
  };
  return await containers.archives.export(container, counted, { ...work, signal });
}
