import { stat } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { diffIDsOf, parseImageConfig } from "../oci/image-config.ts";
import { parseManifest } from "../oci/manifest.ts";
import { shortID } from "./catalog.ts";
import { bringBack, chainOf, type FsckRun, nameOf } from "./fsck-parts.ts";
import type { ImageRecord } from "./image-records.ts";

/** Looks at what images say of themselves, and at all who need a damaged blob. To be called when all blobs have been read. */
export async function checkImages(run: FsckRun): Promise<number> {
  const images = run.records.list();
  const told = new Set<Digest>();
  for (const image of images) {
    if (run.signal.aborted) throw new EngineError("cancelled", "cancelled");
    using _hold = await run.blobs.hold([image.id, ...(image.manifestDigest === null ? [] : [image.manifestDigest])]);
    const known = run.records.list().find(({ id }) => id === image.id);
    if (known === undefined) continue;
    await checkConfig(known, run, told);
    await checkManifest(known, run, told);
    await checkKeptLayers(known, run);
  }
  for (const [digest, { problem }] of run.damaged) if (!told.has(digest)) await addDamaged(digest, problem, run);
  return images.length;
}

async function checkConfig(image: ImageRecord, run: FsckRun, told: Set<Digest>): Promise<void> {
  const problem = await findConfigProblem(image, run);
  if (problem === null) return;
  told.add(image.id);
  const isUsed = (run.records.users().get(image.id) ?? []).length > 0;
  const isNameless = image.references.length === 0 && !isUsed;
  await run.findings.add({
    kind: "image",
    object: nameOf(image),
    problem,
    repair: `${isNameless ? "removed" : "its names were removed"}; ${bringBack([image])}`,
    act: async () => {
      await removeDamaged(image.id, run);
      if (isNameless) run.records.removeImages([image.id]);
      else run.records.remove({ references: image.references, digests: image.digests, image: null });
      await run.onChanged(image.id);
    },
  });
}

async function findConfigProblem(image: ImageRecord, run: FsckRun): Promise<string | null> {
  const what = `its config ${shortID(image.id)}`;
  const damage = run.damaged.get(image.id);
  if (damage !== undefined) return `${what} is damaged: ${damage.problem}`;
  try {
    const diffIDs = diffIDsOf(parseImageConfig(await run.blobs.read(image.id), what));
    const chain = chainOf(image);
    const isSame = diffIDs.length === chain.length && chain.every((diffID, index) => diffID === diffIDs[index]);
    return isSame ? null : `${what} names other layers than the engine's record`;
  } catch (error) {
    if (error instanceof EngineError && error.code === "not-found") return `${what} is lost`;
    return `${what} cannot be read: ${messageOf(error)}`;
  }
}

async function checkManifest(image: ImageRecord, run: FsckRun, told: Set<Digest>): Promise<void> {
  const { manifestDigest } = image;
  const problem = manifestDigest === null ? null : await findManifestProblem(manifestDigest, image, run);
  if (manifestDigest === null || problem === null) return;
  told.add(manifestDigest);
  await run.findings.add({
    kind: "image",
    object: nameOf(image),
    problem,
    repair: `the manifest was forgotten: a push makes another one, unless you ${bringBack([image])}`,
    act: async () => {
      await removeDamaged(manifestDigest, run);
      run.records.forgetManifest(image.id);
      await run.onChanged(image.id);
    },
  });
}

async function findManifestProblem(digest: Digest, image: ImageRecord, run: FsckRun): Promise<string | null> {
  const what = `its manifest ${shortID(digest)}`;
  const damage = run.damaged.get(digest);
  if (damage !== undefined) return `${what} is damaged: ${damage.problem}`;
  try {
    const { config, layers } = parseManifest(await run.blobs.read(digest), what);
    const isSame = config.digest === image.id && layers.length === image.layers.length;
    return isSame ? null : `${what} is that of another image`;
  } catch (error) {
    if (error instanceof EngineError && error.code === "not-found") return `${what} is lost`;
    return `${what} cannot be read: ${messageOf(error)}`;
  }
}

/** Compressed layers that a pull or a load has brought, and that are gone. */
async function checkKeptLayers(image: ImageRecord, run: FsckRun): Promise<void> {
  for (const { blobDigest, diffID } of image.layers) {
    if (blobDigest === null || run.whole.has(blobDigest) || run.damaged.has(blobDigest)) continue;
    using _hold = await run.blobs.hold([blobDigest]);
    const isHere = await run.blobs.has(blobDigest);
    const isWanted = run.records.list().some(({ id }) => id === image.id);
    if (isHere || !isWanted) continue;
    await run.findings.add({
      kind: "blob",
      object: blobDigest,
      problem: `layer ${shortID(diffID)} of ${nameOf(image)} is here, but not as it came`,
      hint: `${bringBack([image])}; until then a push compresses it anew`,
    });
  }
}

async function addDamaged(digest: Digest, problem: string, run: FsckRun): Promise<void> {
  const owners = run.records.list().filter(({ layers, digests }) => {
    const own = [...layers.map(({ blobDigest }) => blobDigest), ...digests.map((known) => known.digest)];
    return own.includes(digest);
  });
  const again = bringBack(owners);
  await run.findings.add({
    kind: "blob",
    object: digest,
    problem: `was damaged on disk: ${problem}`,
    repair: again === "" ? "removed" : `removed; ${again}`,
    act: () => removeDamaged(digest, run),
  });
}

/** Nothing happens where another file has the name by now: a pull has brought it back. */
async function removeDamaged(digest: Digest, run: FsckRun): Promise<void> {
  const damage = run.damaged.get(digest);
  if (damage === undefined) return;
  const found = await stat(run.blobs.pathOf(digest)).catch(() => null);
  if (found?.ino === damage.inode) await run.blobs.remove(digest);
}
