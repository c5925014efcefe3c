import { stat } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { chainIDOf } from "../oci/chain-id.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import { shortID } from "./catalog.ts";
import { bringBack, chainOf, type FsckRun, holdersOf } from "./fsck-parts.ts";
import type { ImageRecord } from "./image-records.ts";

/** Threads that read. */
const parallel = 2;

type Chains = ReadonlyMap<string, readonly DiffID[]>;
type WholeTar = { readonly digest: Digest; readonly problems: readonly string[] };

/**
 * Reads every layer together with its blob, then all other blobs. Each is held while it is looked at, so that nobody takes it away
 * meanwhile; what went before that is nobody's fault.
 */
export async function checkBytes(run: FsckRun): Promise<{ readonly blobs: number; readonly layers: number }> {
  const images = run.records.list();
  const layers = run.layers.upkeep.list();
  const chains = chainsByName(images, run);
  const options = { limit: parallel, signal: run.signal };
  await forEachBounded(layers, options, ({ name, diffID }) =>
    checkLayer({ name, diffID, chain: chains.get(name) ?? [diffID] }, images, run),
  );
  await forEachBounded(await run.blobs.list(), options, (digest) => checkBlob(digest, run));
  await checkMissing(images, run);
  return { blobs: run.whole.size + run.damaged.size, layers: layers.length };
}

type Layer = { readonly name: string; readonly diffID: DiffID; readonly chain: readonly DiffID[] };

async function checkLayer(layer: Layer, images: readonly ImageRecord[], run: FsckRun): Promise<void> {
  const { upkeep } = run.layers;
  using _hold = await upkeep.hold(layer.name);
  if (!upkeep.has(layer.name)) return;
  const tar = await verifyByBlobs(layer, images, run);
  const problems = tar?.problems ?? (await verifyAlone(layer, run));
  const [first] = problems;
  if (first === undefined) return;
  run.wrong.add(layer.diffID);
  const problem = problems.length === 1 ? first : `${first}; and ${problems.length - 1} more such differences`;
  const users = upkeep.mountedOn(layer.name);
  if (users.length > 0) {
    const names = users.map((key) => nameOfContainer(key, run)).join(", ");
    const hint = `stop container ${names}, then run \`gantry engine fsck --repair\` again`;
    return await run.findings.add({ kind: "layer", object: layer.diffID, problem, hint });
  }
  const again = bringBack(holdersOf(layer.diffID, images));
  await run.findings.add({
    kind: "layer",
    object: layer.diffID,
    problem,
    repair: tar !== null ? "unpacked anew" : again === "" ? "removed" : `removed; ${again}`,
    act: () => {
      if (tar === null) return upkeep.discard(layer.name);
      const source = { path: run.blobs.pathOf(tar.digest) };
      return upkeep.renew(layer.name, layer.chain, source, { signal: run.signal, digest: tar.digest });
    },
  });
}

/** Null: no whole blob of the layer is here. */
async function verifyByBlobs(layer: Layer, images: readonly ImageRecord[], run: FsckRun): Promise<WholeTar | null> {
  const known = holdersOf(layer.diffID, images).flatMap(({ layers }) => layers);
  const own = known.flatMap(({ diffID, blobDigest }) =>
    diffID === layer.diffID && blobDigest !== null ? [blobDigest] : [],
  );
  for (const digest of new Set([...own, layer.diffID])) {
    using _hold = await run.blobs.hold([digest]);
    const inode = await inodeOf(digest, run);
    if (inode === null || run.damaged.has(digest)) continue;
    const found = await verifyByBlob(layer, { digest, inode }, run);
    if (found !== null) return found;
  }
  return null;
}

async function verifyByBlob(
  layer: Layer,
  { digest, inode }: { readonly digest: Digest; readonly inode: number },
  run: FsckRun,
): Promise<WholeTar | null> {
  const source = { path: run.blobs.pathOf(digest) };
  const options = { signal: run.signal, onProgress: run.reading(digest) };
  try {
    const { digests, problems } = await run.layers.upkeep.verify(layer.name, source, options);
    if (digests?.digest !== digest) {
      run.damaged.set(digest, { problem: `its bytes hash to ${digests?.digest}`, inode });
      return null;
    }
    run.whole.add(digest);
    if (digests.diffID === layer.diffID) return { digest, problems };
    await addForeign(layer, digest, `it holds ${digests.diffID}`, run);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === "cancelled") throw error;
    await checkBlob(digest, run);
    if (run.whole.has(digest)) await addForeign(layer, digest, messageOf(error), run);
  }
  return null;
}

/** A record that pairs a layer with a blob that is something else. */
async function addForeign(layer: Layer, digest: Digest, reason: string, run: FsckRun): Promise<void> {
  const images = holdersOf(layer.diffID, run.records.list());
  await run.findings.add({
    kind: "blob",
    object: digest,
    problem: `is not the tar of layer ${shortID(layer.diffID)}: ${reason}`,
    repair: `is no longer taken for it; ${bringBack(images)}`,
    act: async () => {
      run.records.forgetBlob(digest);
      for (const { id } of images) await run.onChanged(id);
    },
  });
}

async function verifyAlone(layer: Layer, run: FsckRun): Promise<readonly string[]> {
  try {
    return (await run.layers.upkeep.verify(layer.name, null, { signal: run.signal })).problems;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === "cancelled" || run.signal.aborted) throw error;
    return [error.message];
  }
}

async function checkBlob(digest: Digest, run: FsckRun): Promise<void> {
  if (run.whole.has(digest) || run.damaged.has(digest)) return;
  using _hold = await run.blobs.hold([digest]);
  const inode = await inodeOf(digest, run);
  if (inode === null) return;
  try {
    const options = { signal: run.signal, onProgress: run.reading(digest) };
    const actual = await run.layers.upkeep.hash(run.blobs.pathOf(digest), options);
    if (actual === digest) run.whole.add(digest);
    else run.damaged.set(digest, { problem: `its bytes hash to ${actual}`, inode });
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === "cancelled") throw error;
    run.damaged.set(digest, { problem: `it cannot be read: ${error.message}`, inode });
  }
}

/** Layers that images name and that are not unpacked. */
async function checkMissing(images: readonly ImageRecord[], run: FsckRun): Promise<void> {
  const seen = new Set<string>();
  for (const image of images) {
    const chain = chainOf(image);
    for (const [position, name] of run.layers.upkeep.namesOf(chain).entries()) {
      const part = chain.slice(0, position + 1);
      const key = chainIDOf(part) ?? "";
      if (name !== null || seen.has(key) || run.wrong.has(image.layers[position]?.diffID as DiffID)) continue;
      seen.add(key);
      // It may have been removed since.
      if (run.records.list().some(({ id }) => id === image.id)) await addMissing(image, part, run);
    }
  }
}

async function addMissing(image: ImageRecord, chain: readonly DiffID[], run: FsckRun): Promise<void> {
  const layer = image.layers[chain.length - 1];
  if (layer === undefined) return;
  const { diffID, blobDigest } = layer;
  const finding = { kind: "layer", object: diffID, problem: "is not unpacked" } as const;
  const candidates: readonly Digest[] = blobDigest === null ? [diffID] : [blobDigest, diffID];
  const digest = candidates.find((one) => run.whole.has(one));
  if (digest === undefined) return await run.findings.add({ ...finding, hint: bringBack([image]) });
  await run.findings.add({
    ...finding,
    repair: "unpacked anew",
    act: async () => {
      using _hold = await run.layers.hold(chain);
      await run.layers.unpack(chain, { path: run.blobs.pathOf(digest) }, { signal: run.signal, digest });
      await run.onChanged(image.id);
    },
  });
}

function chainsByName(images: readonly ImageRecord[], run: FsckRun): Chains {
  const chains = new Map<string, readonly DiffID[]>();
  for (const image of images) {
    const chain = chainOf(image);
    for (const [position, name] of run.layers.upkeep.namesOf(chain).entries()) {
      if (name !== null && !chains.has(name)) chains.set(name, chain.slice(0, position + 1));
    }
  }
  return chains;
}

async function inodeOf(digest: Digest, run: FsckRun): Promise<number | null> {
  return (await stat(run.blobs.pathOf(digest)).catch(() => null))?.ino ?? null;
}

function nameOfContainer(id: string, run: FsckRun): string {
  const users = [...run.records.users().values()].flat();
  return users.find((user) => user.id === id)?.name ?? id.slice(0, 12);
}
