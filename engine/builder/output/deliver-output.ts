import { EngineError } from "../../errors.ts";
import type { Attestation, ImageParts, ImageService } from "../../images/image-service.ts";
import type { CommittedLayer, LayerStore } from "../../layers/layer-store.ts";
import { chainIDOf } from "../../oci/chain-id.ts";
import { type DiffID, sha256 } from "../../oci/digest.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import type { BuildRequest } from "../../protocol/builds.ts";
import { writeFilesTar } from "./files-tar.ts";
import { formatProvenance, type ProvenanceFacts, provenanceType } from "./provenance.ts";
import { scanImage } from "./scan-image.ts";
import { formatSpdx, spdxType } from "./spdx-document.ts";
import { squashedHistory } from "./squashed-history.ts";

/** What a build has come to. */
export type Outcome = {
  /** As the image is to have it, times and all. */
  readonly config: ImageParts["config"];
  /** Held by the build. */
  readonly chain: readonly DiffID[];
  /** How many of these, the lowest ones, are of the image that the last stage began with: squashing leaves them alone. */
  readonly baseLength: number;
  /** Asked for where the request wants provenance. */
  readonly facts: () => Promise<Omit<ProvenanceFacts, "request">>;
};

export type DeliveryParts = {
  readonly images: ImageService;
  readonly layers: LayerStore;
  /** Absolute directory of the chain's files, as long as the build runs. */
  readonly openView: (chain: readonly DiffID[]) => Promise<string>;
  /** Keeps something until the build has ended. */
  readonly hold: (layer: CommittedLayer) => void;
  readonly newWritableKey: () => string;
};

export type DeliveryWork = {
  readonly request: BuildRequest;
  /** Seconds since 1970; null: times are what they are. */
  readonly epoch: number | null;
  /** Directory of the build's own. */
  readonly scratch: string;
  /** See BuildStreams. */
  readonly output: ((bytes: Buffer) => Promise<void>) | null;
  readonly signal: AbortSignal;
  /** What is being done, in a few words. */
  readonly onNote: (note: string) => void;
};

/**
 * Gives the result of a build in the form that was asked for: an image under its tags, an archive of one, or the bare files. imageID: null where
 * no image was made. digest: of the manifest of an archive, or of its index where something is said about the image.
 */
export async function deliverOutput(
  outcome: Outcome,
  parts: DeliveryParts,
  work: DeliveryWork,
): Promise<{ readonly imageID: string | null; readonly digest: string | null }> {
  const { output, tags } = work.request;
  if (output.type === "none") return { imageID: null, digest: null };
  const { config, chain } = work.request.squash ? await squash(outcome, parts, work) : outcome;
  if (output.type === "local" || output.type === "tar") {
    work.onNote("write files");
    const place = { chain, key: parts.newWritableKey() };
    await writeFilesTar(parts.layers, place, { signal: work.signal, output: takerOf(work) });
    return { imageID: null, digest: null };
  }
  const attestations = await attest({ ...outcome, config, chain }, parts, work);
  const image = { config, chain, references: tags, attestations };
  if (output.type === "image") {
    work.onNote("");
    return { imageID: (await parts.images.assemble(image)).id, digest: null };
  }
  work.onNote("write archive");
  const format = output.type === "oci" ? "oci-archive" : "docker-archive";
  const { id, digest } = await parts.images.exportAssembled({ ...image, format }, takerOf(work), {
    signal: work.signal,
    onProgress: () => {},
  });
  return { imageID: id, digest };
}

async function squash(
  { config, chain, baseLength }: Outcome,
  { layers, hold }: DeliveryParts,
  { epoch, signal, onNote }: DeliveryWork,
): Promise<Pick<Outcome, "config" | "chain">> {
  if (chain.length - baseLength < 2) return { config, chain };
  onNote("squash layers");
  const layer = await layers.squash(chain, baseLength, { signal, latest: epoch });
  if (layer !== null) hold(layer);
  const base = chain.slice(0, baseLength);
  const { created, history: steps } = partsOf(config);
  const createdAt = created ?? new Date().toISOString();
  const history = squashedHistory(steps ?? [], { kept: baseLength, hasLayer: layer !== null, createdAt });
  return { config: { ...config, history }, chain: layer === null ? base : [...base, layer.diffID] };
}

/** What is said about the image, as far as it is asked for. */
async function attest(outcome: Outcome, parts: DeliveryParts, work: DeliveryWork): Promise<Attestation[]> {
  const { request } = work;
  const attestations: Attestation[] = [];
  if (request.sbom) {
    work.onNote("look for packages");
    const { config, chain } = outcome;
    const root = await parts.openView(chain);
    const found = await scanImage({ root, scratch: work.scratch }, work.signal);
    const subject = {
      name: request.tags[0] ?? "image",
      chainID: chainIDOf(chain) ?? sha256(""),
      createdAt: partsOf(config).created ?? new Date().toISOString(),
    };
    attestations.push({ predicateType: spdxType, predicate: formatSpdx(found, subject) });
  }
  if (request.provenance !== "") {
    const facts = { ...(await outcome.facts()), request };
    attestations.push({ predicateType: provenanceType, predicate: formatProvenance(facts) });
  }
  // As they come out of the store.
  return attestations.sort((one, other) => (one.predicateType < other.predicateType ? -1 : 1));
}

function partsOf(config: Outcome["config"]): Pick<ImageConfig, "created" | "history"> {
  return config as Pick<ImageConfig, "created" | "history">;
}

function takerOf({ output }: DeliveryWork): (bytes: Buffer) => Promise<void> {
  if (output !== null) return output;
  throw new EngineError("invalid-argument", "the output of the build has nowhere to go");
}
