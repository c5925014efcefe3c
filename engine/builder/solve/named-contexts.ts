import { EngineError } from "../../errors.ts";
import { sha256 } from "../../oci/digest.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { familiarReference, parseTaggedReference } from "../../oci/reference.ts";
import type { NamedContext } from "../../protocol/builds.ts";
import type { ResolvedStage } from "../dockerfile/stages.ts";
import { type BaseImage, type BaseImages, baseOf, checkOwnPlatform, type NewStage } from "./base-images.ts";
import type { Build } from "./build.ts";
import type { Contexts } from "./contexts.ts";
import { makeLayer } from "./make-layer.ts";
import { resolveLayout } from "./oci-layout-image.ts";
import { copyFiles, readFiles, type Source, untilUnchanged, wholeOf } from "./sources.ts";
import { emptyState, type StageState } from "./stage-state.ts";
import { withLayer } from "./with-layer.ts";

/** `--build-context`: names that stand for images, stages and directories. */
export class NamedContexts {
  readonly #contexts: ReadonlyMap<string, NamedContext>;
  readonly #layouts = new Map<NamedContext, Promise<BaseImage>>();
  readonly #parts: { readonly contexts: Contexts; readonly images: BaseImages };

  constructor(
    named: Readonly<Record<string, NamedContext>>,
    parts: { readonly contexts: Contexts; readonly images: BaseImages },
  ) {
    this.#contexts = new Map(Object.entries(named).map(([name, context]) => [normalName(name), context]));
    this.#parts = parts;
  }

  get images(): BaseImages {
    return this.#parts.images;
  }

  /** A stage on an image or on nothing is for this host, whatever its FROM says. Fails with `unimplemented`. */
  checkPlatform({ platform, stage }: ResolvedStage, build: Build): void {
    if (stage.name === null || !this.has(stage.name)) checkOwnPlatform(formatPlatform(platform), build);
  }

  has(name: string): boolean {
    return this.#contexts.has(normalName(name));
  }

  /** What a COPY takes its files from. */
  async source(name: string, build: Build): Promise<Source> {
    const context = this.#get(name);
    if (context.type === "image") {
      return { type: "chain", chain: (await this.#parts.images.resolve(context.reference)).chain };
    }
    if (context.type === "oci-layout") return { type: "chain", chain: (await this.#layout(context, build)).chain };
    return { type: "tree", tree: (await this.#parts.contexts.named(name, context)).tree };
  }

  /** What a stage begins with. A directory is the whole file system of an image without a config. */
  async base(name: string, build: Build): Promise<NewStage> {
    const context = this.#get(name);
    if (context.type === "image") return baseOf(await this.#parts.images.resolve(context.reference), build);
    if (context.type === "oci-layout") return baseOf(await this.#layout(context, build), build);
    const source = await this.source(name, build);
    return { state: () => importTree(build, source, name), triggers: [] };
  }

  #layout(context: Extract<NamedContext, { type: "oci-layout" }>, build: Build): Promise<BaseImage> {
    const known = this.#layouts.get(context);
    if (known !== undefined) return known;
    const loaded = resolveLayout(build, context);
    this.#layouts.set(context, loaded);
    return loaded;
  }

  #get(name: string): NamedContext {
    const context = this.#contexts.get(normalName(name));
    if (context === undefined) throw new EngineError("not-found", `no such context: ${name.slice(0, 80)}`);
    return context;
  }
}

async function importTree(build: Build, source: Source, name: string): Promise<StageState> {
  const state = emptyState(build.platform);
  const wish = wholeOf(".");
  const stepID = build.log.plan({ stage: "", number: 0, total: 0, title: `import context ${name}`, line: 0 });
  const made = await untilUnchanged(async () => {
    const read = await readFiles(build, source, wish);
    return makeLayer(build, {
      key: sha256(`gantry-context-1 ${build.epoch} ${read.digest}`),
      chain: [],
      stepID,
      description: `context ${name}`,
      isFresh: false,
      make: async (rootfs) => {
        await copyFiles(build, { source, wish, read }, { rootfs, stepID });
        return [];
      },
    });
  });
  return { ...withLayer(state, made, `CONTEXT ${name}`), baseLength: made.chain.length };
}

/** Names of images in one form each, others in lower case. */
function normalName(name: string): string {
  try {
    return familiarReference(parseTaggedReference(name.toLowerCase()));
  } catch {
    return name.toLowerCase();
  }
}
