import type { BuildEvent, BuildRequest, BuildResult } from "../../engine/protocol/builds.ts";
import type { EngineClient } from "./connection.ts";
import { type DownloadSink, download } from "./download.ts";
import { sendArchive } from "./upload.ts";

export type BuildTransfers = {
  /** Bytes of a `stream` context. */
  readonly context: AsyncIterable<Uint8Array> | null;
  /** Takes an output that is no image. */
  readonly output: DownloadSink | null;
};

/** Has an image built, and waits until it is. The build ends with the connection. */
export function runBuild(
  client: EngineClient,
  request: BuildRequest,
  { context, output }: BuildTransfers,
): Promise<BuildResult> {
  const run = (streams: Pick<BuildRequest, "streamID" | "outputStreamID">): Promise<BuildResult> =>
    context === null || streams.streamID !== undefined
      ? client.request("builds.run", { request: { ...request, ...streams }, detached: false })
      : sendArchive(client, context, (streamID) => run({ ...streams, streamID }));
  return output === null ? run({}) : download(client, output, (outputStreamID) => run({ outputStreamID }));
}

/** Milliseconds that the last events may come after the answer. */
const lastWords = 500;

/** Events of a build, from its beginning. `finished` resolves with the last of them, or some time after it was asked for. */
export async function watchBuild(
  client: EngineClient,
  buildID: string,
  onEvent: (event: BuildEvent) => void,
): Promise<{ readonly finished: () => Promise<void> }> {
  const end = Promise.withResolvers<void>();
  client.onClose(() => end.resolve());
  await client.subscribe("build", { buildID }, (event) => {
    onEvent(event);
    if (event.type === "finished") end.resolve();
  });
  const finished = async () => {
    const timer = setTimeout(end.resolve, lastWords);
    await end.promise;
    clearTimeout(timer);
  };
  return { finished };
}
