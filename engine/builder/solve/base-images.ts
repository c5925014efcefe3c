import { EngineError } from "../../errors.ts";
import type { DiffID, ImageID } from "../../oci/digest.ts";
import {
  createdOf,
  type HistoryDocument,
  historyOf,
  type ImageConfig,
  osOf,
  parseImageConfig,
} from "../../oci/image-config.ts";
import { formatPlatform, isFitting, type Platform, parsePlatform } from "../../oci/platform.ts";
import { familiarReference, parseTaggedReference } from "../../oci/reference.ts";
import type { Progress } from "../../protocol/rpc.ts";
import type { Credentials } from "../../protocol/transfers.ts";
import type { Build } from "./build.ts";
import { formatBytes } from "./contexts.ts";
import { defaultPath, environmentOf, type StageState } from "./stage-state.ts";

export type BaseImage = {
  readonly id: ImageID;
  /** Held as long as the build runs. */
  readonly chain: readonly DiffID[];
  readonly imageConfig: ImageConfig;
  /** As it was asked for. */
  readonly reference: string;
};

/** Names under which docker keeps the account of Docker Hub. */
const hubNames = ["docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"];

/** Images that a build stands on or copies from, each looked for once. */
export class BaseImages {
  readonly #build: Build;
  readonly #images = new Map<string, Promise<BaseImage>>();
  /** By its step: what a pull came to. */
  readonly #pulled = new Map<number, string>();

  constructor(build: Build) {
    this.#build = build;
  }

  /** What was found so far. */
  async found(): Promise<BaseImage[]> {
    const settled = await Promise.allSettled(this.#images.values());
    return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  }

  /** Here, or pulled. Fails as a pull does. */
  resolve(reference: string): Promise<BaseImage> {
    const known = this.#images.get(reference);
    if (known !== undefined) return known;
    const found = this.#resolve(reference);
    this.#images.set(reference, found);
    return found;
  }

  async #resolve(reference: string): Promise<BaseImage> {
    const { log } = this.#build;
    const id = log.plan({ stage: "", number: 0, total: 0, title: `resolve image ${nameOf(reference)}`, line: 0 });
    log.begin(id);
    try {
      const image = await this.#find(reference, id);
      checkPlatform(image, this.#build);
      log.end(id, { status: "done", note: this.#pulled.get(id) ?? "" });
      return image;
    } catch (error) {
      log.end(id, { status: "failed", error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  async #find(reference: string, stepID: number): Promise<BaseImage> {
    if (!this.#build.request.pull || isID(reference)) {
      const here = await this.#take(reference);
      // One of another platform under the same name gives way to ours.
      if (here !== null && (isID(reference) || isOwn(here, this.#build))) return here;
    }
    const { parts, request, signal, log } = this.#build;
    const [came] = await parts.images.pull(
      {
        reference,
        allTags: false,
        platform: null,
        credentials: credentialsFor(reference, request.credentials),
        verifyKeys: [],
      },
      { signal, onProgress: (progress) => log.note(stepID, noteOf(progress)) },
    );
    const pulled = await this.#take(reference);
    if (came !== undefined) this.#pulled.set(stepID, `${came.isNew ? "downloaded" : "up to date"} ${came.digest}`);
    if (pulled !== null) return pulled;
    throw new EngineError("not-found", `image ${nameOf(reference)} was removed while it was needed`);
  }

  /** Null where it is not here. */
  async #take(reference: string): Promise<BaseImage | null> {
    const { parts, stack } = this.#build;
    const before = this.#lookUp(reference);
    if (before === null) return null;
    stack.use(await parts.layers.hold(before.chain));
    stack.use(await parts.blobs.hold([before.id]));
    // It was not held before.
    if (this.#lookUp(reference)?.id !== before.id) return null;
    const imageConfig = parseImageConfig(await parts.blobs.read(before.id), `image config ${before.id}`);
    return { id: before.id, chain: before.chain, imageConfig, reference };
  }

  #lookUp(reference: string) {
    try {
      return this.#build.parts.images.resolve(reference);
    } catch (error) {
      if (error instanceof EngineError && error.code === "not-found") return null;
      throw error;
    }
  }
}

/** The state with which a stage on this image begins. Its triggers are taken out: see triggersOf. */
export function stateOf({ chain, imageConfig }: BaseImage, build: Pick<Build, "platform">): StageState {
  const { OnBuild: _triggers, ...config } = imageConfig.config ?? {};
  const hasPath = environmentOf(config).has("PATH");
  return {
    chain,
    baseLength: chain.length,
    config: hasPath ? config : { ...config, Env: [...(config.Env ?? []), defaultPath] },
    history: wholeHistory(imageConfig),
    author: imageConfig.author ?? "",
    platform: build.platform,
    args: new Map(),
    hasCommand: false,
    createdAt: createdOf(imageConfig),
  };
}

/** An entry for each layer, in their order: images that were imported or squashed may have less, or none. */
function wholeHistory(imageConfig: ImageConfig): HistoryDocument[] {
  return historyOf(imageConfig).map(({ step, layer }) => (layer === null ? { ...step, empty_layer: true } : step));
}

/** With what a stage begins, and the instructions that are to be done first. */
export type NewStage = { readonly state: () => Promise<StageState>; readonly triggers: readonly string[] };

export function baseOf(image: BaseImage, build: Build): NewStage {
  return { state: async () => stateOf(image, build), triggers: triggersOf(image) };
}

/** Instructions that wait in an image for a build on it. */
function triggersOf({ imageConfig }: BaseImage): readonly string[] {
  const triggers = imageConfig.config?.OnBuild;
  return Array.isArray(triggers) ? triggers.filter((trigger) => typeof trigger === "string") : [];
}

/** Fails with `unimplemented` for any other than this host's. */
export function checkOwnPlatform(text: string, build: Build): void {
  const wanted = parsePlatform(text);
  if (isFitting(wanted, build.platform)) return;
  throw new EngineError(
    "unimplemented",
    `cannot build for ${formatPlatform(wanted)}: this host runs ${formatPlatform(build.platform)}`,
    { hint: "build it on such a host" },
  );
}

function checkPlatform(image: BaseImage, build: Build): void {
  if (isOwn(image, build)) return;
  const made = formatPlatform(platformOf(image, build));
  throw new EngineError(
    "failed-precondition",
    `image ${image.reference} is for ${made}: this host runs ${formatPlatform(build.platform)}`,
  );
}

function isOwn(image: BaseImage, build: Build): boolean {
  return isFitting(platformOf(image, build), build.platform);
}

function platformOf({ imageConfig }: BaseImage, { platform }: Build): Platform {
  const { architecture, variant } = imageConfig;
  return {
    architecture: architecture || platform.architecture,
    os: osOf(imageConfig),
    ...(variant ? { variant } : {}),
  };
}

function isID(reference: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(reference);
}

function nameOf(reference: string): string {
  try {
    return familiarReference(parseTaggedReference(reference));
  } catch {
    return reference.slice(0, 100);
  }
}

export function credentialsFor(reference: string, all: Readonly<Record<string, Credentials>>): Credentials | null {
  const { registry } = parseTaggedReference(reference);
  const names = registry === "docker.io" ? hubNames : [registry, `https://${registry}`, `https://${registry}/v1/`];
  const name = names.find((each) => Object.hasOwn(all, each));
  return name === undefined ? null : (all[name] ?? null);
}

function noteOf({ phase, current, total, unit }: Progress): string {
  if (unit !== "bytes") return phase;
  return total === null ? `${phase} ${formatBytes(current)}` : `${formatBytes(current)} / ${formatBytes(total)}`;
}
