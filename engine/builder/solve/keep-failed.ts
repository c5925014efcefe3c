import type { DiffID } from "../../oci/digest.ts";
import { sha256 } from "../../oci/digest.ts";
import type { FailedState } from "../build-history.ts";
import type { Build } from "./build.ts";
import { timeOf } from "./make-layer.ts";

/** Milliseconds that it may take to keep the file system of a failed step. */
const patience = 60_000;

/** Keeps what a failed command has left in the cache, so that one can look at it until the room is needed. */
export async function keepFailed(
  build: Build,
  failed: {
    readonly writable: string;
    readonly chain: readonly DiffID[];
    readonly mountPoints: readonly string[];
    readonly state: Omit<FailedState, "chain">;
  },
): Promise<void> {
  const { parts, request, log } = build;
  const { writable, mountPoints } = failed;
  const layer = await parts.layers.commit(writable, {
    signal: AbortSignal.any([build.signal, AbortSignal.timeout(patience)]),
    mountPoints,
  });
  if (layer !== null) build.stack.use(layer);
  const chain = layer === null ? failed.chain : [...failed.chain, layer.diffID];
  const step = { chain, size: layer?.size ?? 0, createdAt: timeOf(null) };
  await parts.cache.put(failedKey(request.buildID), step, `failed step of build ${log.summary.name}`);
  build.onFailed({ ...failed.state, chain: [...chain] });
}

/** Under which it lies in the cache. */
export function failedKey(buildID: string) {
  return sha256(`gantry-failed-step ${buildID}`);
}
