import { isDigest } from "../../oci/digest.ts";
import { formatPlatform } from "../../oci/platform.ts";
import type { BuildResult } from "../../protocol/builds.ts";
import { type DeliveryParts, deliverOutput, type Outcome } from "../output/deliver-output.ts";
import type { BaseImage, BaseImages } from "./base-images.ts";
import type { Build } from "./build.ts";
import type { Contexts } from "./contexts.ts";
import { finishedConfig } from "./finished-config.ts";
import type { StageState } from "./stage-state.ts";
import { newWritableKey } from "./views.ts";

export type ExportOptions = { readonly contexts: Contexts; readonly images: BaseImages };

/** Makes of the last stage what was asked for. */
export async function exportResult(build: Build, state: StageState, options: ExportOptions): Promise<BuildResult> {
  const { request, log, parts, stack, views } = build;
  // Some layers may not be on the disk yet, or not all of a result in the cache.
  await Promise.all(build.puts);
  if (request.output.type === "none") return { imageID: null, digest: null, warnings: [...log.warnings] };
  const what = request.output.type === "image" ? "image" : request.output.type;
  const stepID = log.plan({ stage: "", number: 0, total: 0, title: `export ${what}`, line: 0 });
  log.begin(stepID);
  const delivery: DeliveryParts = {
    images: parts.images,
    layers: parts.layers,
    openView: (chain) => views.open(chain),
    hold: (layer) => stack.use(layer),
    newWritableKey,
  };
  const { epoch, scratch, signal, streams } = build;
  const onNote = (note: string): void => log.note(stepID, note);
  try {
    const work = { request, epoch, scratch, output: streams.output, signal, onNote };
    const delivered = await deliverOutput(outcomeOf(build, state, options), delivery, work);
    build.outcome.imageID = delivered.imageID;
    log.end(stepID, { status: "done", note: "" });
    return { ...delivered, warnings: [...log.warnings] };
  } catch (error) {
    const status = signal.aborted ? "cancelled" : "failed";
    log.end(stepID, { status, error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function outcomeOf(build: Build, state: StageState, { contexts, images }: ExportOptions): Outcome {
  const { request, epoch, log } = build;
  return {
    config: finishedConfig(state, { labels: request.labels, epoch, now: new Date().toISOString() }),
    chain: state.chain,
    baseLength: state.baseLength,
    facts: async () => ({
      platform: formatPlatform(build.platform),
      startedAt: log.summary.startedAt,
      finishedAt: new Date().toISOString(),
      images: (await images.found()).map((image) => ({
        reference: image.reference,
        digest: knownDigest(build, image),
      })),
      source: (await contexts.main()).context.source,
      entryPoint: request.dockerfile.type === "path" ? request.dockerfile.path : "Dockerfile",
      dockerfile: log.dockerfile,
      steps: log.facts().steps,
      isReproducible: epoch !== null,
    }),
  };
}

/** By which a registry knows it, else that of its config. */
function knownDigest({ parts }: Build, { id }: BaseImage) {
  const digests = parts.images.list().find((image) => image.id === id)?.digests ?? [];
  const digest = digests[0]?.split("@")[1];
  return isDigest(digest) ? digest : id;
}
