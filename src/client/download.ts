import type { EngineClient } from "./connection.ts";
import { newStreamID } from "./stream-id.ts";

/** Takes the bytes of a download in order; the engine waits until it resolves. A failure ends the download. */
export type DownloadSink = (bytes: Buffer) => Promise<void>;

/** Makes a request whose bytes come on a stream, and gives its answer once all of them are in the sink. */
export async function download<R>(
  client: Pick<EngineClient, "openStream">,
  sink: DownloadSink,
  request: (streamID: string) => Promise<R>,
): Promise<R> {
  const streamID = newStreamID();
  const stream = await client.openStream(streamID);
  try {
    let sinkFailure: { readonly reason: unknown } | null = null;
    const put = async (bytes: Buffer): Promise<void> => {
      try {
        await sink(bytes);
      } catch (reason) {
        sinkFailure = { reason };
        throw reason;
      }
    };
    stream.onOutput((_channel, bytes) => put(bytes));
    const answer = request(streamID);
    answer.catch(() => undefined);
    // A stream that fails says less of why than the answer does, unless it is our own end that failed.
    await stream.ended.catch(async (error: unknown) => {
      if (sinkFailure !== null) throw (sinkFailure as { reason: unknown }).reason;
      await answer;
      throw error;
    });
    return await answer;
  } finally {
    stream.close();
  }
}
