import type { LongWork } from "../../images/image-service.ts";
import { cancellableOutput } from "../../lib/cancellable-output.ts";
import { Throttle } from "../../lib/throttle.ts";
import type { volumeMethods } from "../../protocol/volumes.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { download } from "./download.ts";
import { upload } from "./images.ts";

type VolumeMethods = keyof typeof volumeMethods;

export function volumeHandlers(parts: ServerParts): Pick<Handlers, VolumeMethods> {
  const { volumes } = parts;
  return {
    "volumes.list": () => [...volumes.list()],
    "volumes.create": (request) => volumes.create(request),
    "volumes.inspect": ({ volume, usage }) => volumes.inspect(volume, usage ?? false),
    "volumes.remove": async ({ volume, force }) => {
      await volumes.remove(volume, force);
      return {};
    },
    "volumes.prune": ({ dryRun, ...options }) => volumes.prune(options, dryRun),
    "volumes.export": ({ volume, streamID }, call) =>
      download(streamID, call, async (output, work) => {
        using shown = show(parts, { kind: "export", phase: "exporting", volume, work });
        const put = cancellableOutput(output, shown.signal, "export");
        const counted = async (bytes: Uint8Array) => {
          await put(bytes);
          shown.count(bytes.length);
        };
        return await volumes.export(volume, counted, shown.signal);
      }),
    "volumes.import": ({ volume, streamID }, call) =>
      upload(streamID, call, async (tar, work) => {
        using shown = show(parts, { kind: "import", phase: "importing", volume, work });
        return await volumes.import(volume, countedTar(tar, shown.count), shown.signal);
      }),
  };
}

/** How often it is told how far a work is, in milliseconds. */
const interval = 100;

type Shown = { readonly signal: AbortSignal; readonly count: (bytes: number) => void } & Disposable;

/** A work for everyone to see and to cancel. */
function show(
  { operations }: ServerParts,
  about: { readonly kind: string; readonly phase: string; readonly volume: string; readonly work: LongWork },
): Shown {
  const abort = new AbortController();
  const operation = operations.begin(about.kind, `${about.kind} volume ${about.volume}`, () => abort.abort());
  let current = 0;
  const progress = new Throttle(interval, () => {
    const step = { phase: about.phase, object: "", current, total: null, unit: "bytes" } as const;
    operation.report(step);
    about.work.onProgress(step);
  });
  return {
    signal: AbortSignal.any([about.work.signal, abort.signal]),
    count: (bytes) => {
      current += bytes;
      progress.ask();
    },
    [Symbol.dispose]: () => {
      progress[Symbol.dispose]();
      operation[Symbol.dispose]();
    },
  };
}

async function* countedTar(tar: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of tar) {
    count(chunk.length);
    yield chunk;
  }
}
