import { EngineError } from "../../engine/errors.ts";
import type { MethodResult } from "../../engine/protocol/methods.ts";
import type { EngineClient, RequestOptions } from "./connection.ts";
import { newStreamID } from "./stream-id.ts";
import type { ByteStream } from "./streams.ts";

export type ImportFields = {
  readonly reference: string | null;
  readonly changes: string[];
  readonly message: string;
  readonly platform?: string;
};

/** Sends an archive and waits for the image. Stops sending as soon as the engine has answered, also with a failure. */
export async function loadImages(
  client: EngineClient,
  archive: AsyncIterable<Uint8Array>,
  options: RequestOptions = {},
): Promise<MethodResult<"images.load">> {
  const streamID = newStreamID();
  return send(client, streamID, archive, () => client.request("images.load", { streamID }, options));
}

/** Sends a root file system and waits for the image made of it. */
export async function importImage(
  client: EngineClient,
  rootfs: AsyncIterable<Uint8Array>,
  fields: ImportFields & RequestOptions,
): Promise<MethodResult<"images.import">> {
  const streamID = newStreamID();
  const { reference, changes, message, platform, ...options } = fields;
  const params = { streamID, reference, changes: [...changes], message, ...(platform ? { platform } : {}) };
  return send(client, streamID, rootfs, () => client.request("images.import", params, options));
}

async function send<R>(
  client: EngineClient,
  streamID: string,
  chunks: AsyncIterable<Uint8Array>,
  request: () => Promise<R>,
): Promise<R> {
  const stream = await client.openStream(streamID);
  stream.onOutput(() => undefined);
  try {
    const answer = request();
    const upload = pump(chunks, stream);
    // Reading the file may fail first, or the answer may come first: either ends the matter. A stream that the engine closed
    // means that the answer, which has the reason, is on its way.
    const uploaded = upload.catch((error) => {
      if (!(error instanceof EngineError && error.code === "unavailable")) throw error;
    });
    return await Promise.race([answer, uploaded.then(() => answer)]);
  } finally {
    stream.close();
  }
}

async function pump(chunks: AsyncIterable<Uint8Array>, stream: ByteStream): Promise<void> {
  for await (const chunk of chunks) await stream.write(chunk);
  stream.end();
}

export type CopyInFields = {
  readonly container: string;
  readonly path: string;
  readonly keepOwner: boolean;
  readonly noOverwriteDirNonDir: boolean;
};

/** Sends a tar to be unpacked below a directory of a container, and waits until it is. */
export async function copyIn(
  client: EngineClient,
  tar: AsyncIterable<Uint8Array>,
  fields: CopyInFields,
): Promise<MethodResult<"containers.copyIn">> {
  const streamID = newStreamID();
  return send(client, streamID, tar, () => client.request("containers.copyIn", { ...fields, streamID }));
}
