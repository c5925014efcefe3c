import { EngineError } from "../../errors.ts";
import type { DiffID, Digest } from "../../oci/digest.ts";
import type { CachedStep } from "../cache/build-cache.ts";
import type { OutputText } from "../step-output.ts";
import type { Build } from "./build.ts";
import type { Turn } from "./step-turns.ts";
import { newWritableKey } from "./views.ts";

/** One step that changes files. */
export type LayerWish = {
  readonly key: Digest;
  /** Of the state before; held by the build. */
  readonly chain: readonly DiffID[];
  /** Its row. */
  readonly stepID: number;
  readonly description: string;
  /** Made anew whatever the cache has. */
  readonly isFresh: boolean;
  /** Does the work in a file system of its own, mounted and writable. Gives where something was mounted in it. */
  readonly make: (rootfs: string, tell: (output: OutputText) => void) => Promise<readonly string[]>;
  /** Called when `make` has failed, while all that it has left is there still. */
  readonly onFailure?: (writableKey: string, error: unknown) => Promise<void>;
};

/** Finds the result of a step in the cache, or makes it; tells both. The chain that it gives is held as long as the build runs. */
export async function makeLayer(build: Build, wish: LayerWish): Promise<CachedStep> {
  const made = wish.isFresh ? await makeNew(build, wish, ownTurn) : await findOrMake(build, wish);
  const { key, chain } = wish;
  const description = wish.description.slice(0, longestDescription);
  build.steps.push({ ...made, key, before: chain.length, description });
  return made;
}

/** Characters that lists of the cache show of an instruction. */
const longestDescription = 500;

/** As many as image configs may have (oci/image-config.ts), and as overlayfs stacks. */
const mostLayers = 500;

/** Of what no other build waits for. */
const ownTurn: Turn = { tell: () => {}, [Symbol.dispose]: () => {} };

async function findOrMake(build: Build, wish: LayerWish): Promise<CachedStep> {
  for (;;) {
    const known = await findStep(build, wish);
    if (known !== null) return known;
    const made = await makeInTurn(build, wish);
    if (made !== null) return made;
  }
}

/** Null where another build made it: then it is in the cache, or could not be made there. */
async function makeInTurn(build: Build, wish: LayerWish): Promise<CachedStep | null> {
  const { log, parts, signal } = build;
  const onOutput = (output: OutputText): void => log.output(wish.stepID, output);
  const turn = await parts.turns.take(wish.key, { signal, onOutput });
  if (turn === null) return null;
  try {
    const late = await findStep(build, wish);
    if (late === null) return await makeNew(build, wish, turn);
    turn[Symbol.dispose]();
    return late;
  } catch (error) {
    turn[Symbol.dispose]();
    throw error;
  }
}

async function findStep(build: Build, { key, stepID, chain }: LayerWish): Promise<CachedStep | null> {
  const found = (await build.parts.cache.find(key)) ?? (await build.imported?.find(key)) ?? null;
  if (found === null) return null;
  build.stack.use(found);
  const layer = layerOf(found, chain);
  build.log.end(stepID, { status: "cached", layer });
  return { chain: found.chain, size: found.size, createdAt: found.createdAt };
}

async function makeNew(build: Build, wish: LayerWish, turn: Turn): Promise<CachedStep> {
  const { log, parts } = build;
  if (wish.chain.length >= mostLayers) {
    throw new EngineError("resource-exhausted", `an image cannot have more than ${mostLayers} layers`);
  }
  using _own = await build.slots.take(build.signal);
  using _slot = await parts.slots.take(build.signal);
  log.begin(wish.stepID);
  const made = await workOn(build, wish, turn);
  // Who waits for the turn finds it in the cache; this build goes on meanwhile.
  const put = parts.cache
    .put(wish.key, made, wish.description.slice(0, longestDescription))
    .finally(() => turn[Symbol.dispose]());
  put.catch(() => {});
  build.puts.push(put);
  log.end(wish.stepID, { status: "done", layer: layerOf(made, wish.chain), note: "" });
  return made;
}

async function workOn(build: Build, wish: LayerWish, turn: Turn): Promise<CachedStep> {
  const { layers } = build.parts;
  const writable = newWritableKey();
  try {
    await layers.preparePassing(writable, wish.chain);
    const rootfs = await layers.mount(writable, { isVolatile: true });
    const mountPoints = await wish
      .make(rootfs, (output) => {
        build.log.output(wish.stepID, output);
        turn.tell(output);
      })
      .catch(async (error: unknown) => {
        // Where that cannot be kept the failure itself is what matters.
        if (!build.signal.aborted) await wish.onFailure?.(writable, error).catch(() => {});
        throw error;
      });
    return await commitStep(build, wish, { writable, mountPoints });
  } finally {
    await layers.remove(writable);
  }
}

async function commitStep(
  build: Build,
  { chain }: LayerWish,
  { writable, mountPoints }: { readonly writable: string; readonly mountPoints: readonly string[] },
): Promise<CachedStep> {
  const { layers } = build.parts;
  const layer = await layers.commit(writable, { signal: build.signal, mountPoints, latest: build.epoch });
  const createdAt = timeOf(build.epoch);
  if (layer === null) return { chain, size: 0, createdAt };
  build.stack.use(layer);
  return { chain: [...chain, layer.diffID], size: layer.size, createdAt };
}

/** RFC 3339: now, or the time that all is to have. */
export function timeOf(epoch: number | null): string {
  return epoch === null ? new Date().toISOString() : new Date(epoch * 1000).toISOString();
}

function layerOf(step: CachedStep, before: readonly DiffID[]): { diffID: string; size: number } | null {
  const diffID = step.chain.length > before.length ? step.chain.at(-1) : undefined;
  return diffID === undefined ? null : { diffID, size: step.size };
}
