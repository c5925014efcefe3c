import { EngineError } from "../errors.ts";
import type { LongWork } from "../images/image-service.ts";
import { mergeRunConfig, type RunConfig } from "../images/merge-run-config.ts";
import type { Archives } from "../layers/archives.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import { publishEvent } from "./container-events.ts";
import type { ContainerRecord } from "./container-record.ts";
import { inspectConfig } from "./inspect-container.ts";
import { mountPoints } from "./own-changes.ts";
import type { ContainerParts } from "./parts.ts";

export type CommitRequest = {
  readonly reference: string | null;
  readonly author: string;
  readonly message: string;
  /** Dockerfile lines. */
  readonly changes: readonly string[];
  /** Freeze its processes while its files are read. */
  readonly pause: boolean;
  /** Goes over the container's configuration, and the changes over both. */
  readonly config?: RunConfig;
};

/** Makes an image of the image a container stands on and of what the container changed. */
export async function commitContainer(
  parts: ContainerParts,
  archives: Archives,
  { record, request, work }: { record: ContainerRecord; request: CommitRequest; work: LongWork },
): Promise<{ id: string }> {
  const { id, imageID } = record;
  const { pause, config: over = {}, ...options } = request;
  const config = mergeRunConfig(over, configOf(record));
  const tar = () => {
    const packed = packChanges(parts, archives, { id, signal: work.signal });
    return pause ? whileFrozen(parts, id, packed) : packed;
  };
  const createdBy = record.resolution.args.slice(record.resolution.entrypointLength).join(" ");
  const image = await parts.images.commit(tar, { ...options, base: imageID, container: id, config, createdBy }, work);
  publishEvent(parts, record, "commit", {
    comment: request.message,
    imageID: image.id,
    imageRef: request.reference === null ? "" : familiarReference(parseReference(request.reference)),
  });
  return image;
}

/** docker's `Config`, as it was asked for: what the engine fills in by itself is no part of an image. */
function configOf(record: ContainerRecord): Record<string, unknown> {
  const { request, resolution } = record;
  const { StopSignal, ExposedPorts, ...config } = inspectConfig(record);
  return {
    ...config,
    WorkingDir: request.workingDirectory ?? resolution.image.workingDirectory,
    ...(Object.keys(ExposedPorts).length === 0 ? {} : { ExposedPorts }),
    ...(request.stopSignal === undefined ? {} : { StopSignal }),
  };
}

function packChanges(
  parts: ContainerParts,
  archives: Archives,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const { upper, below } = parts.layers.writablePlaceOf(id);
  const layer = {
    below: below.map(({ directory }) => bytePathOf(directory)).reverse(),
    mountPoints: mountPoints.map((path) => bytePathOf(path.slice(1))),
  };
  return archives.pack({ directories: [bytePathOf(upper)], inside: "", path: "", layer }, signal);
}

/**
 * The same chunks, while the container's processes stand still and no other act on it is begun. That it is frozen is on record first: an
 * engine that is killed meanwhile wakes it at its next start.
 */
async function* whileFrozen(
  parts: ContainerParts,
  id: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const turn = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  void parts.queue.run(id, async () => {
    turn.resolve();
    await done.promise;
  });
  await turn.promise;
  try {
    const { name, state } = parts.table.get(id);
    if (state.status !== "running") {
      yield* chunks;
      return;
    }
    parts.table.update(id, { frozen: true });
    try {
      await parts.health.pause(id);
      const isFrozen = await freeze(parts, id, name);
      // docker tells of it as of a pause by hand.
      if (isFrozen) publishEvent(parts, parts.table.get(id), "pause");
      yield* chunks;
    } finally {
      await thaw(parts, id);
      parts.health.unpause(id);
    }
  } finally {
    done.resolve();
  }
}

/** False where it has ended just now: nothing is left that could change its files. */
async function freeze(parts: ContainerParts, id: string, name: string): Promise<boolean> {
  try {
    await parts.runtime.pause(id);
    return true;
  } catch (error) {
    const state = await parts.runtime.state(id).catch(() => null);
    if (state === null || state.status === "stopped") return false;
    const reason = EngineError.wrap(`freeze container ${name}`, error);
    throw new EngineError(reason.code, reason.message, {
      cause: error,
      hint: "use --pause=false to let it run meanwhile",
    });
  }
}

/** Also for one that was frozen when the engine was killed. */
export async function thaw(parts: ContainerParts, id: string): Promise<void> {
  const state = await parts.runtime.state(id).catch(() => null);
  if (state?.status === "paused") await parts.runtime.resume(id);
  const record = parts.table.update(id, { frozen: false });
  if (state?.status === "paused") publishEvent(parts, record, "unpause");
}
