import { EngineError } from "../../errors.ts";
import type { LongWork } from "../../images/image-service.ts";
import { leaveGarbage } from "../../lib/young-garbage.ts";
import { channel } from "../../protocol/streams.ts";
import type { ByteStream } from "../byte-stream.ts";
import type { Call } from "../call.ts";

/** Takes bytes for the client; resolves when it has room for more. */
export type DownloadOutput = (bytes: Uint8Array) => Promise<void>;

/**
 * Sends what a work makes to the client's stream, no faster than it is taken. The work is cancelled when either of its connections goes.
 * After a failure the stream ends with it, so that a client never takes a part for the whole.
 */
export async function download<T>(
  streamID: string,
  call: Call,
  work: (output: DownloadOutput, long: LongWork) => Promise<T>,
): Promise<T> {
  const { stream, output } = await openDownload(streamID, call);
  try {
    const signal = AbortSignal.any([call.signal, stream.signal]);
    const result = await work(output, { signal, onProgress: call.report });
    stream.exit(null);
    return result;
  } catch (error) {
    stream.fail(error);
    throw error;
  }
}

export type Download = {
  readonly stream: ByteStream;
  readonly output: DownloadOutput;
  /** Aborted when the client closes its stream. */
  readonly signal: AbortSignal;
};

/** Takes the client's stream for bytes that it is to get; `exit` or `fail` of the stream is left to the caller. */
export async function openDownload(streamID: string, call: Call): Promise<Download> {
  const stream = await call.openStream(streamID);
  // Nothing is expected from the client; but only who reads notices that it is gone.
  stream.onControl(() => {});
  const output: DownloadOutput = async (bytes) => {
    if (stream.signal.aborted) throw new EngineError("cancelled", "the client closed its stream");
    leaveGarbage(bytes.length);
    if (!stream.send(channel.stdout, bytes)) await stream.ready();
  };
  return { stream, output, signal: stream.signal };
}
