import { EngineError } from "../../errors.ts";
import { decompress } from "../../host/decompress.ts";
import { openArchives } from "../../layers/archives.ts";
import { bytePathOf } from "../../lib/byte-path.ts";

export type UnpackWork = {
  readonly signal: AbortSignal;
  /** Bytes that came so far. */
  readonly onProgress: (bytes: number) => void;
};

/** Unpacks a tar, plain or compressed, into an empty directory. Nothing is made outside of it. Fails with `corrupt`. */
export async function unpackStream(
  stream: AsyncIterable<Uint8Array>,
  directory: string,
  { signal, onProgress }: UnpackWork,
): Promise<void> {
  const view = { root: bytePathOf(directory), readOnly: false, pid: null, mounts: [] };
  const task = { view, path: "/", noOverwriteDirNonDir: false, owner: null, isUnsynced: true };
  await using archives = openArchives();
  try {
    await archives.unpackInto(task, decompress(counted(stream, onProgress)), signal);
  } catch (error) {
    if (signal.aborted) throw new EngineError("cancelled", "cancelled", { cause: error });
    throw EngineError.wrap("unpack the build context", error);
  }
}

async function* counted(stream: AsyncIterable<Uint8Array>, onProgress: (bytes: number) => void) {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    onProgress(bytes);
    yield chunk;
  }
}
