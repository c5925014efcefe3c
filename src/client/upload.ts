import { EngineError } from "../../engine/errors.ts";
import { offerAnswer } from "../../engine/protocol/constants.ts";
import type { MethodResult } from "../../engine/protocol/methods.ts";
import type { OpenFile } from "../../engine/protocol/streams.ts";
import type { EngineClient, RequestOptions } from "./connection.ts";
import { newStreamID } from "./stream-id.ts";
import type { ByteStream } from "./streams.ts";

/** What is to be uploaded; one that is a file may be read by the engine itself. */
export type Archive = AsyncIterable<Uint8Array> & { readonly openFile?: OpenFile };

/** Milliseconds for the answer to the offer of a file. */
const offerPatience = 200;

export type ImportFields = {
  readonly reference: string | null;
  readonly changes: string[];
  readonly message: string;
  readonly platform?: string;
};

/** Sends an archive and waits for the image. Stops sending as soon as the engine has answered, also with a failure. */
export async function loadImages(
  client: EngineClient,
  archive: Archive,
  options: RequestOptions = {},
): Promise<MethodResult<"images.load">> {
  const streamID = newStreamID();
  const params = { streamID, ...fileOf(archive) };
  return send(client, streamID, archive, () => client.request("images.load", params, options));
}

/** Sends a root file system and waits for the image made of it. */
export async function importImage(
  client: EngineClient,
  rootfs: Archive,
  fields: ImportFields & RequestOptions,
): Promise<MethodResult<"images.import">> {
  const streamID = newStreamID();
  const { reference, changes, message, platform, ...options } = fields;
  const made = { reference, changes: [...changes], message, ...(platform ? { platform } : {}) };
  const params = { streamID, ...fileOf(rootfs), ...made };
  return send(client, streamID, rootfs, () => client.request("images.import", params, options));
}

/** Sends an archive that the engine unpacks into a volume. */
export function importVolume(
  client: EngineClient,
  archive: Archive,
  volume: string,
): Promise<MethodResult<"volumes.import">> {
  const streamID = newStreamID();
  return send(client, streamID, archive, () => client.request("volumes.import", { volume, streamID }));
}

/** Sends bytes that a request names by their stream, and waits for its answer. */
export function sendArchive<R>(
  client: EngineClient,
  chunks: AsyncIterable<Uint8Array>,
  request: (streamID: string) => Promise<R>,
): Promise<R> {
  const streamID = newStreamID();
  return send(client, streamID, chunks, () => request(streamID));
}

function fileOf({ openFile }: Archive): { file?: OpenFile } {
  return openFile === undefined ? {} : { file: openFile };
}

async function send<R>(client: EngineClient, streamID: string, chunks: Archive, request: () => Promise<R>): Promise<R> {
  const stream = await client.openStream(streamID);
  const isTaken = takesFile(stream, chunks);
  try {
    const answer = request();
    const upload = isTaken.then((taken) => (taken ? undefined : pump(chunks, stream)));
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

/** True: the engine reads the file, and nothing is to be sent. */
function takesFile(stream: ByteStream, { openFile }: Archive): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  stream.onOutput((_, bytes) => {
    resolve(bytes[0] === offerAnswer.taken);
    return undefined;
  });
  if (openFile === undefined) resolve(false);
  else setTimeout(resolve, offerPatience, false).unref();
  return promise;
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
