import { EngineError } from "../../errors.ts";
import { atLine } from "../dockerfile/failure.ts";
import { parseInstruction } from "../dockerfile/parse.ts";
import type { ResolvedStage, ResolvedStages } from "../dockerfile/stages.ts";
import type { Dockerfile, Instruction } from "../dockerfile/types.ts";
import { type BaseImages, baseOf } from "./base-images.ts";
import type { Build } from "./build.ts";
import type { NamedContexts } from "./named-contexts.ts";
import { type PlannedStage, solveStage } from "./solve-stage.ts";
import { chainSource, type FindSource } from "./sources.ts";
import { emptyState, type StageState } from "./stage-state.ts";

/** Steps of one build, triggers included. Each has a row, and may have a layer. */
const mostSteps = 5_000;

/** With what a stage begins. */
type Base = { readonly state: () => Promise<StageState>; readonly triggers: readonly Instruction[] };

export type StagesOptions = {
  readonly dockerfile: Dockerfile;
  readonly resolved: ResolvedStages;
  readonly images: BaseImages;
  readonly contexts: NamedContexts;
  /** The build's own context. */
  readonly findMain: FindSource;
};

/** The needed stages of a build: each is made once, when it is first asked for, after those that it needs. */
export class Stages {
  readonly #build: Build;
  readonly #options: StagesOptions;
  readonly #planned = new Map<number, { readonly stage: PlannedStage; readonly base: Base }>();
  readonly #results = new Map<number, Promise<StageState>>();

  private constructor(build: Build, options: StagesOptions) {
    this.#build = build;
    this.#options = options;
  }

  /** Finds the bases of all needed stages, with their triggers, and makes the rows. */
  static async plan(build: Build, options: StagesOptions): Promise<Stages> {
    const stages = new Stages(build, options);
    const needed = [...options.resolved.stages].sort((one, other) => one.stage.index - other.stage.index);
    const bases = await Promise.allSettled(needed.map((each) => stages.#baseOf(each)));
    const failed = bases.find((base) => base.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    let count = 0;
    for (const [index, each] of needed.entries()) {
      const base = bases[index];
      if (base?.status !== "fulfilled") continue;
      count += base.value.triggers.length + each.stage.instructions.length + 1;
      if (count > mostSteps) {
        throw new EngineError("resource-exhausted", `the build has more than ${mostSteps} steps`);
      }
      stages.#planned.set(each.stage.index, { stage: stages.#planStage(each, base.value), base: base.value });
    }
    return stages;
  }

  /** Makes the target and all it needs, side by side; `onFailure` is called at the first failure. Ends when all have ended. */
  async solve(onFailure: () => void): Promise<StageState> {
    const failures: unknown[] = [];
    const works = [...this.#planned.keys()].map((index) =>
      this.result(index).catch((error: unknown) => {
        failures.push(error);
        onFailure();
      }),
    );
    await Promise.all(works);
    if (failures.length > 0) throw failures.find((error) => !isCancelled(error)) ?? failures[0];
    return this.result(this.#options.resolved.target);
  }

  result(index: number): Promise<StageState> {
    const known = this.#results.get(index);
    if (known !== undefined) return known;
    const result = this.#solve(index);
    this.#results.set(index, result);
    return result;
  }

  async #solve(index: number): Promise<StageState> {
    const planned = this.#planned.get(index);
    if (planned === undefined) {
      throw new EngineError("unimplemented", `stage ${index} is needed by an ONBUILD only`, {
        hint: "name the stage in a COPY --from of the Dockerfile",
      });
    }
    const { stage, base } = planned;
    const { dockerfile, resolved } = this.#options;
    const initial = await base.state();
    if (!this.#build.log.isOver(stage.stepID)) this.#build.log.end(stage.stepID, { status: "done" });
    const scope = { escape: dockerfile.directives.escape, globalArgs: resolved.globalArgs };
    return solveStage(this.#build, initial, { stage, scope });
  }

  async #baseOf(resolved: ResolvedStage): Promise<Base> {
    const { stage, base, baseName } = resolved;
    const { contexts, images } = this.#options;
    const { platform } = this.#build;
    // A context of the stage's own name stands in its place.
    const replacing = stage.name !== null && contexts.has(stage.name) ? stage.name : null;
    if (replacing !== null) return { ...(await contexts.base(replacing, this.#build)), triggers: [] };
    if (base.kind === "stage") {
      return { state: async () => childOf(await this.result(base.index)), triggers: resolved.triggers };
    }
    if (base.kind === "scratch") return { state: async () => emptyState(platform), triggers: [] };
    return atLineAsync(stage.lines.first, async () => {
      const named = contexts.has(baseName);
      const found = named
        ? await contexts.base(baseName, this.#build)
        : baseOf(await images.resolve(base.reference), this.#build);
      return { ...found, triggers: found.triggers.map((text) => parseInstruction(text, "\\", stage.lines)) };
    });
  }

  #planStage(resolved: ResolvedStage, { triggers }: Base): PlannedStage {
    const { stage } = resolved;
    const { log, request } = this.#build;
    const isReplaced = stage.name !== null && this.#options.contexts.has(stage.name);
    const instructions = isReplaced ? [] : [...triggers, ...stage.instructions];
    const total = instructions.length + 1;
    const name = stage.name ?? String(stage.index);
    const plan = (number: number, { text, lines }: Pick<Instruction, "text" | "lines">): number =>
      log.plan({ stage: resolved.name, number, total, title: text, line: lines.first });
    const stepID = plan(1, stage);
    return {
      name,
      stepID,
      steps: instructions.map((instruction, index) => ({
        instruction,
        stepID: plan(index + 2, instruction),
        isTrigger: index < triggers.length,
      })),
      isFresh:
        request.noCache || request.noCacheFilter.some((each) => each === stage.name || each === String(stage.index)),
      findSource: (from) => this.#findSource(resolved, from),
    };
  }

  /** docker's order: a stage, a named context, an image. */
  async #findSource({ findStage, name, stage }: ResolvedStage, from: string | null): ReturnType<FindSource> {
    const { contexts, images, findMain } = this.#options;
    if (from === null) return findMain(null);
    const index = findStage(from);
    // Of the Dockerfile's own instructions that is known before; a trigger of an image would wait for itself.
    if (index !== null && index >= stage.index) {
      throw new EngineError("invalid-argument", `circular dependency detected on stage: ${name}`);
    }
    if (index !== null) return chainSource(await this.result(index));
    if (contexts.has(from)) return contexts.source(from, this.#build);
    if (from === "scratch") return chainSource({ chain: [] });
    return chainSource(await images.resolve(from));
  }
}

/** ENV and ARG go on; triggers were for this child, and CMD counts as inherited (Dockerfile reference, "ENTRYPOINT"). */
function childOf(state: StageState): StageState {
  const { OnBuild: _triggers, ...config } = state.config;
  return { ...state, config, hasCommand: false };
}

async function atLineAsync<T>(line: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A base that cannot be had is nothing wrong with the text.
    if (error instanceof EngineError && error.code !== "invalid-argument") {
      throw EngineError.wrap(`line ${line}`, error);
    }
    return atLine(line, () => {
      throw error;
    });
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof EngineError && error.code === "cancelled";
}
