import { EngineError } from "../../errors.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import { forEachBounded } from "../../lib/bounded.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { DiffID, Digest } from "../../oci/digest.ts";
import type { CacheExport } from "../../protocol/builds.ts";
import type { CachedStep } from "./build-cache.ts";
import {
  type CacheDocument,
  formatCache,
  manifestType,
  parseCacheConfig,
  parseCacheManifest,
} from "./cache-document.ts";
import { type CachePlace, openCachePlace, type PlaceParts } from "./cache-place.ts";
import { packLayer, readScratch } from "./cache-transfer.ts";

/** A step of the build, found or made. */
export type ExportedStep = CachedStep & {
  readonly key: Digest;
  /** Layers of the state before: with as many its own chain has no layer of the step's. */
  readonly before: number;
  readonly description: string;
};

export type ExportParts = PlaceParts & {
  readonly layers: LayerStore;
  /** Directory of the build's own. */
  readonly scratch: string;
};

export type TransferWork = { readonly signal: AbortSignal; readonly onNote: (note: string) => void };

const atOnce = 2;
const configLimit = 64 * 1024 * 1024;

/**
 * Brings what steps have made to a registry or a directory: of those that the result stands on (`min`), or of all stages (`max`). Chains are held
 * by the build. What is there already of an earlier export is not packed again. Fails as the registry or the disk does.
 */
export async function exportCache(
  target: CacheExport,
  { steps, chain }: { readonly steps: readonly ExportedStep[]; readonly chain: readonly DiffID[] },
  parts: ExportParts,
  work: TransferWork,
): Promise<void> {
  const place = openCachePlace(target, "push", parts);
  const chosen = target.mode === "max" ? steps : steps.filter((step) => isBelow(step.chain, chain));
  const records = new Map(chosen.map(({ before: _, ...record }) => [record.key, record]));
  const made = new Map(chosen.flatMap((step) => (step.chain.length > step.before ? [[top(step), step.chain]] : [])));
  const before = await findCache(place, work.signal);
  const blobs = new Map<DiffID, Descriptor>();
  let done = 0;
  await forEachBounded([...made], { limit: atOnce, signal: work.signal }, async ([diffID, layers], signal) => {
    blobs.set(diffID, await bring(place, layers, { known: before?.blobs.get(diffID), parts, signal }));
    work.onNote(`${++done} of ${made.size} layers`);
  });
  const { manifest, config } = formatCache({ records: [...records.values()], blobs });
  await place.write(config.descriptor, (offset) => once(config.bytes.subarray(offset)), work.signal);
  await place.writeManifest(manifest, manifestType, work.signal);
}

/** What lies there, or null: where there is none, or something else, which an export replaces. */
export async function findCache(place: CachePlace, signal: AbortSignal): Promise<CacheDocument | null> {
  try {
    return await readCache(place, signal);
  } catch (error) {
    if (error instanceof EngineError && ["corrupt", "unimplemented", "not-found"].includes(error.code)) return null;
    throw error;
  }
}

/** Null where there is none. Fails with `corrupt`, `unimplemented` for what is no cache of this engine, or as the place does. */
export async function readCache(place: CachePlace, signal: AbortSignal): Promise<CacheDocument | null> {
  const bytes = await place.manifest(signal);
  if (bytes === null) return null;
  const what = `build cache ${place.name}`;
  const manifest = parseCacheManifest(bytes, what);
  if (manifest.config.size > configLimit) throw new EngineError("corrupt", `the config of ${what} is too large`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of place.read(manifest.config, signal)) {
    size += chunk.length;
    if (size > manifest.config.size) throw new EngineError("corrupt", `the config of ${what} was changed`);
    chunks.push(chunk);
  }
  return parseCacheConfig(Buffer.concat(chunks), manifest, what);
}

async function bring(
  place: CachePlace,
  chain: readonly DiffID[],
  {
    known,
    parts,
    signal,
  }: { readonly known: Descriptor | undefined; readonly parts: ExportParts; readonly signal: AbortSignal },
): Promise<Descriptor> {
  if (known !== undefined && (await place.has(known.digest, signal))) return known;
  await using file = await packLayer(parts.layers, chain, { scratch: parts.scratch, signal });
  if (!(await place.has(file.descriptor.digest, signal))) await place.write(file.descriptor, readScratch(file), signal);
  return file.descriptor;
}

function isBelow(chain: readonly DiffID[], whole: readonly DiffID[]): boolean {
  return chain.every((layer, index) => whole[index] === layer);
}

function top({ chain }: ExportedStep): DiffID {
  return chain.at(-1) as DiffID;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
