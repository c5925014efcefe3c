import { randomUUID } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { decompress } from "../host/decompress.ts";
import { filledName } from "../layers/fill-tasks.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { importPrefix, isEmptyVolume } from "./fill-volume.ts";
import { pathsOfVolume, type VolumeParts } from "./volume-parts.ts";
import { needsMount } from "./volume-record.ts";
import type { ArchiveOutput } from "./volume-service.ts";

/** Its content as a tar; the first entry is the volume's own directory. */
export async function exportVolume(
  parts: VolumeParts,
  name: string,
  { output, signal }: { readonly output: ArchiveOutput; readonly signal: AbortSignal },
): Promise<{ bytes: number }> {
  using _busy = parts.busy.add(name);
  const { data } = pathsOfVolume(parts.directory, name);
  let bytes = 0;
  const archive = parts.archives.pack({ directories: [bytePathOf(data)], inside: "", path: "." }, signal);
  for await (const chunk of archive) {
    bytes += chunk.length;
    await output(chunk);
  }
  return { bytes };
}

/**
 * Unpacks a tar. Into an empty volume it comes whole or not at all: it is made beside, and moved when it is on the disk. Elsewhere it goes
 * over what is there, and what was unpacked before a failure stays.
 */
export async function importVolume(
  parts: VolumeParts,
  name: string,
  { tar, signal }: { readonly tar: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): Promise<{ bytes: number }> {
  using _busy = parts.busy.add(name);
  const { directory, data } = pathsOfVolume(parts.directory, name);
  const counted = new Counted(tar);
  const unpack = (root: string) => {
    const view = { root: bytePathOf(root), readOnly: false, pid: null, mounts: [] };
    const task = { view, path: "/", noOverwriteDirNonDir: false, owner: null, describesTop: true };
    return parts.archives.unpackInto(task, decompress(counted), signal);
  };
  if (needsMount(parts.table.get(name)) || !(await isEmptyVolume(data))) {
    await unpack(data);
  } else {
    const beside = join(directory, `${importPrefix}${randomUUID()}`);
    await mkdir(beside, { mode: 0o755 });
    try {
      await unpack(beside);
      await parts.queue.run(name, () => moveIn(parts, name, beside));
    } catch (error) {
      await parts.trash.destroy(beside);
      throw error;
    }
  }
  parts.sizes.expire(name);
  parts.table.touch();
  return { bytes: counted.bytes };
}

async function moveIn(parts: VolumeParts, name: string, beside: string): Promise<void> {
  const { directory, data } = pathsOfVolume(parts.directory, name);
  if (!(await isEmptyVolume(data))) {
    throw new EngineError(
      "failed-precondition",
      `something was written into volume ${name} while a tar was unpacked for it`,
      {
        hint: "import it again: it then goes over what is there",
      },
    );
  }
  await rename(beside, join(directory, filledName));
  const place = { target: bytePathOf(data), staging: bytePathOf(directory) };
  await parts.archives.fill({ kind: "adopt", ...place }, new AbortController().signal);
}

class Counted implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}
