import type { LongWork } from "../../images/image-service.ts";
import { channel, offerAnswer } from "../../protocol/constants.ts";
import type { OpenFile } from "../../protocol/streams.ts";
import type { ByteStream } from "../byte-stream.ts";
import type { Call, Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { openOffered, readOffered } from "./offered-file.ts";

type ImageMethods =
  | "images.list"
  | "images.inspect"
  | "images.history"
  | "images.tag"
  | "images.remove"
  | "images.import"
  | "images.load"
  | "layers.ofImage";

export function imageHandlers({ images }: ServerParts): Pick<Handlers, ImageMethods> {
  return {
    "images.list": () => [...images.list()],
    "images.inspect": ({ image }) => images.inspect(image),
    "images.history": ({ image }) => images.history(image),
    "images.tag": async ({ image, reference }) => {
      await images.tag(image, reference);
      return {};
    },
    "images.remove": ({ image, force }) => images.remove(image, force),
    "images.import": ({ streamID, file, ...options }, call) =>
      upload(streamID, call, (chunks, work) => images.import(chunks, options, work), file),
    "images.load": ({ streamID, file }, call) =>
      upload(streamID, call, async (chunks, work) => ({ images: await images.load(chunks, work) }), file),
    "layers.ofImage": ({ image }) => images.layersOf(image),
  };
}

/**
 * Feeds the client's stream, or the file that it offers instead, to a work, which is cancelled when either of its connections goes before
 * the upload's end.
 */
export async function upload<T>(
  streamID: string,
  call: Call,
  work: (chunks: AsyncIterable<Uint8Array>, long: LongWork) => Promise<T>,
  offered?: OpenFile,
): Promise<T> {
  const { stream, chunks, signal: torn } = await openUpload(streamID, call);
  await using file = offered === undefined ? null : await openOffered(offered);
  if (offered !== undefined) {
    stream.send(channel.stdout, Buffer.from([file === null ? offerAnswer.refused : offerAnswer.taken]));
  }
  try {
    const signal = AbortSignal.any([call.signal, torn]);
    const result = await work(file === null ? chunks : readOffered(file), { signal, onProgress: call.report });
    stream.exit(null);
    return result;
  } catch (error) {
    stream.fail(error);
    throw error;
  }
}

export type Upload = {
  readonly stream: ByteStream;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Aborted when the client goes before its upload's end. */
  readonly signal: AbortSignal;
};

/** Takes the client's stream for bytes that it sends; `exit` or `fail` of the stream is left to the caller. */
export async function openUpload(streamID: string, call: Call): Promise<Upload> {
  const stream = await call.openStream(streamID);
  const torn = new AbortController();
  let isWhole = false;
  stream.signal.addEventListener("abort", () => {
    if (!isWhole) torn.abort(stream.signal.reason);
  });
  stream.onControl((message) => {
    if (message.type === "end") isWhole = true;
  });
  return { stream, chunks: stream.input(), signal: torn.signal };
}
