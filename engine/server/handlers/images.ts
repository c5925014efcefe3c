import type { LongWork } from "../../images/image-service.ts";
import type { ByteStream } from "../byte-stream.ts";
import type { Call, Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

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
    "images.import": ({ streamID, ...options }, call) =>
      upload(streamID, call, (chunks, work) => images.import(chunks, options, work)),
    "images.load": ({ streamID }, call) =>
      upload(streamID, call, async (chunks, work) => ({ images: await images.load(chunks, work) })),
    "layers.ofImage": ({ image }) => images.layersOf(image),
  };
}

/** Feeds the client's stream to a work, which is cancelled when either of its connections goes before the upload's end. */
export async function upload<T>(
  streamID: string,
  call: Call,
  work: (chunks: AsyncIterable<Uint8Array>, long: LongWork) => Promise<T>,
): Promise<T> {
  const stream: ByteStream = await call.openStream(streamID);
  const torn = new AbortController();
  let isWhole = false;
  stream.signal.addEventListener("abort", () => {
    if (!isWhole) torn.abort(stream.signal.reason);
  });
  stream.onControl((message) => {
    if (message.type === "end") isWhole = true;
  });
  try {
    const signal = AbortSignal.any([call.signal, torn.signal]);
    const result = await work(stream.input(), { signal, onProgress: call.report });
    stream.exit(null);
    return result;
  } catch (error) {
    stream.fail(error);
    throw error;
  }
}
