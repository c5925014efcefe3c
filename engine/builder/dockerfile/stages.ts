import { EngineError } from "../../errors.ts";
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from "../../oci/platform.ts";
import { Budget } from "./budget.ts";
import { expandWord, resolveArgs } from "./expand.ts";
import { atLine, quote, refuse } from "./failure.ts";
import { readMountFields } from "./mount-fields.ts";
import { parseInstruction } from "./parse.ts";
import { didYouMean } from "./suggest.ts";
import type { Dockerfile, Instruction, Stage } from "./types.ts";

export type StageBase =
  | { readonly kind: "scratch" }
  /** reference: as written, variables resolved; not checked, as it may also be the name of a context. */
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "stage"; readonly index: number };

export type ResolvedStage = {
  readonly stage: Stage;
  /** `stage-0` where it has none. */
  readonly name: string;
  readonly base: StageBase;
  /** Of FROM after expansion, whatever it turned out to be: named contexts may bear it. */
  readonly baseName: string;
  /** `--platform`, else the build's. */
  readonly platform: Platform;
  /** False: it is only the build's. */
  readonly hasOwnPlatform: boolean;
  /** Of stages that must be there before: each once, rising. */
  readonly dependencies: readonly number[];
  /** What a `--from` or `from=` of its instructions means: a stage's index, or null for an image or a context of that name. */
  readonly findStage: (from: string) => number | null;
  /** ONBUILD instructions of the stage that it is based on: to be done first. */
  readonly triggers: readonly Instruction[];
};

export type ResolvedStages = {
  readonly target: number;
  /** The needed ones, each after those it depends on. */
  readonly stages: readonly ResolvedStage[];
  /** Theirs, in no order. */
  readonly indexes: readonly number[];
  /** Values that `ARG x` of a stage takes over: ARGs before the first FROM, and the predefined ones (TARGETPLATFORM …). */
  readonly globalArgs: ReadonlyMap<string, string>;
  /** Build arguments that nothing declares, sorted: docker warns of them. */
  readonly unusedBuildArgs: readonly string[];
};

export type StageOptions = {
  /** A stage's name or number; empty: the last one. */
  readonly target: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What the image is for; null: this host. */
  readonly platform: Platform | null;
  /** Names of contexts: a stage of such a name is not built, and needs no others. */
  readonly namedContexts?: ReadonlySet<string>;
};

/**
 * Finds which stages a build needs and on which others each depends. Fails with `invalid-argument` (with a line) for a base that is no name,
 * a cycle, or a stage that comes later, and with `not-found` for a target that is not there.
 */
export function resolveStages(dockerfile: Dockerfile, options: StageOptions): ResolvedStages {
  const { stages, globalArgs } = resolveAllStages(dockerfile, options);
  const target = findTarget(dockerfile, options.target);
  const needed = new Set<number>();
  const waiting = [target];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (needed.has(index)) continue;
    needed.add(index);
    const stage = stages[index];
    if (stage !== undefined) waiting.push(...checkOrder(stage).dependencies);
  }
  return {
    target,
    stages: stages.filter(({ stage }) => needed.has(stage.index)),
    indexes: [...needed],
    globalArgs,
    unusedBuildArgs: unusedBuildArgs(dockerfile, options.buildArgs),
  };
}

/** For all that stands in FROM and before it: what there are thousands of must not take as many times as much. */
export const headBudget = 4;
const mostTriggers = 10_000;

/** ARGs before the first FROM, over the predefined ones. */
export function resolveGlobalArgs(
  dockerfile: Dockerfile,
  options: StageOptions,
  budget = new Budget(headBudget),
): Map<string, string> {
  const { buildArgs } = options;
  const args = new Map(Object.entries(platformArgs(dockerfile, options)));
  for (const name of args.keys()) {
    const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
    if (given !== undefined) args.set(name, given);
  }
  const none = new Map<string, string>();
  for (const instruction of dockerfile.metaArgs) {
    const scope = {
      buildArgs,
      globalArgs: none,
      lookup: (name: string) => args.get(name),
      escape: dockerfile.directives.escape,
      budget,
    };
    for (const { key, value } of resolveArgs(instruction, scope)) if (value !== null) args.set(key, value);
  }
  return args;
}

function platformArgs(dockerfile: Dockerfile, { target, platform }: StageOptions): Record<string, string> {
  const build = hostPlatform();
  const made = platform ?? build;
  return {
    BUILDPLATFORM: formatPlatform(build),
    BUILDOS: build.os,
    BUILDOSVERSION: "",
    BUILDARCH: build.architecture,
    BUILDVARIANT: build.variant ?? "",
    TARGETPLATFORM: formatPlatform(made),
    TARGETOS: made.os,
    TARGETOSVERSION: "",
    TARGETARCH: made.architecture,
    TARGETVARIANT: made.variant ?? "",
    TARGETSTAGE: target || (dockerfile.stages.at(-1)?.name ?? "default"),
  };
}

/** All stages, needed or not, whatever the target is; their order is not checked. Fails as resolveStages. */
export function resolveAllStages(
  dockerfile: Dockerfile,
  options: StageOptions,
): Pick<ResolvedStages, "stages" | "globalArgs"> {
  const budget = new Budget(headBudget);
  const globalArgs = resolveGlobalArgs(dockerfile, options, budget);
  const resolved: ResolvedStage[] = [];
  const scope = {
    dockerfile,
    options,
    globalArgs,
    names: stageNames(dockerfile),
    earlier: new Map(),
    resolved,
    budget,
    triggers: { count: 0 },
  };
  for (const stage of dockerfile.stages) {
    resolved.push(atLine(stage.lines.first, () => resolveStage(stage, scope)));
    if (stage.name !== null) scope.earlier.set(stage.name, stage.index);
  }
  return { stages: resolved, globalArgs };
}

type Scope = {
  readonly dockerfile: Dockerfile;
  readonly options: StageOptions;
  readonly globalArgs: ReadonlyMap<string, string>;
  /** The last stage of each name. */
  readonly names: ReadonlyMap<string, number>;
  /** The last so far. */
  readonly earlier: ReadonlyMap<string, number>;
  readonly resolved: readonly ResolvedStage[];
  readonly budget: Budget;
  readonly triggers: { count: number };
};

function resolveStage(stage: Stage, scope: Scope): ResolvedStage {
  const { options } = scope;
  const missing = new Set<string>();
  const lookup = (name: string): string | undefined => {
    const value = scope.globalArgs.get(name);
    if (value === undefined) missing.add(name);
    return value;
  };
  const expand = (word: string): string => expandWord(word, lookup, scope.dockerfile.directives.escape, scope.budget);
  const meant = (): string => [...missing].map((name) => didYouMean(name, scope.globalArgs.keys())).join("");
  const baseName = expand(stage.base);
  if (baseName === "") refuse(`base name (${stage.base}) should not be blank${meant()}`);
  const isReplaced = stage.name !== null && options.namedContexts?.has(stage.name) === true;
  const base = isReplaced ? ({ kind: "scratch" } as const) : findBase(baseName, scope.earlier);
  const parent = base.kind === "stage" ? scope.resolved[base.index] : undefined;
  const ownPlatform = stage.platform === null ? null : readPlatform(stage.platform, expand(stage.platform), meant());
  const triggers = parent === undefined ? [] : triggersOf(parent.stage, stage);
  scope.triggers.count += triggers.length;
  if (scope.triggers.count > mostTriggers) refuse(`more than ${mostTriggers} instructions by ONBUILD`);
  const findStage = (from: string): number | null => findByName(from, scope.names, scope.dockerfile.stages.length);
  const instructions = isReplaced ? [] : [...triggers, ...stage.instructions];
  const copied = instructions.flatMap((each) => atLine(each.lines.first, () => sourcesOf(each).map(findStage)));
  const dependencies = [...copied, parent?.stage.index ?? null].filter((index) => index !== null);
  return {
    stage,
    name: stage.name ?? `stage-${stage.index}`,
    base,
    baseName,
    platform: parent?.platform ?? ownPlatform ?? options.platform ?? hostPlatform(),
    hasOwnPlatform: parent?.hasOwnPlatform ?? ownPlatform !== null,
    dependencies: [...new Set(dependencies)].sort((one, other) => one - other),
    findStage,
    triggers,
  };
}

/** meant: what variables that are not there were probably meant to be. */
function readPlatform(written: string, text: string, meant: string): Platform {
  if (text === "") refuse(`empty platform value from expression ${written}${meant}`);
  try {
    return parsePlatform(text);
  } catch (error) {
    throw EngineError.wrap(`failed to parse platform ${written}${meant}`, error);
  }
}

/** Only an earlier stage can be a base: of several with one name the last. */
function findBase(name: string, earlier: ReadonlyMap<string, number>): StageBase {
  const index = earlier.get(name.toLowerCase());
  if (index !== undefined) return { kind: "stage", index };
  return name === "scratch" ? { kind: "scratch" } : { kind: "image", reference: name };
}

/** Their escape is a backslash, whatever the Dockerfile says: as docker reads those of images. */
function triggersOf(parent: Stage, stage: Stage): Instruction[] {
  return parent.instructions.flatMap((instruction) =>
    instruction.name === "ONBUILD" ? [parseInstruction(instruction.trigger, "\\", stage.lines)] : [],
  );
}

function stageNames({ stages }: Dockerfile): Map<string, number> {
  return new Map(stages.flatMap(({ name, index }) => (name === null ? [] : [[name, index] as const])));
}

function findByName(from: string, names: ReadonlyMap<string, number>, count: number): number | null {
  const named = names.get(from.toLowerCase());
  if (named !== undefined) return named;
  if (!/^\d{1,6}$/.test(from)) return null;
  const index = Number(from);
  return index < count ? index : refuse(`invalid stage index ${index}`);
}

/** Names after `--from` and `from=`. */
function sourcesOf(instruction: Instruction): string[] {
  if (instruction.name === "COPY") return instruction.from === null ? [] : [instruction.from];
  if (instruction.name !== "RUN") return [];
  const fields = instruction.mounts.flatMap((mount) => readMountFields(mount));
  return fields.flatMap(({ key, value }) => (key === "from" && value ? [value] : []));
}

function checkOrder(resolved: ResolvedStage): ResolvedStage {
  const { stage, name, dependencies, findStage } = resolved;
  const late = dependencies.find((index) => index >= stage.index);
  if (late === undefined) return resolved;
  const culprit = stage.instructions.find((each) => sourcesOf(each).some((from) => findStage(from) === late));
  return atLine((culprit ?? stage).lines.first, () => {
    if (late === stage.index) return refuse(`circular dependency detected on stage: ${name}`);
    const from = (culprit === undefined ? [] : sourcesOf(culprit)).find((each) => findStage(each) === late) ?? "";
    return refuse(`cannot copy from stage ${quote(from)}, it needs to be defined before current stage ${quote(name)}`);
  });
}

function findTarget(dockerfile: Dockerfile, target: string): number {
  const { stages } = dockerfile;
  if (target === "") return stages.length - 1;
  const names = stageNames(dockerfile);
  const index = names.get(target.toLowerCase()) ?? (/^\d{1,6}$/.test(target) ? Number(target) : -1);
  if (index >= 0 && index < stages.length) return index;
  throw new EngineError(
    "not-found",
    `target stage ${quote(target)} could not be found${didYouMean(target, names.keys())}`,
  );
}

const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/** `NAME=value`, in both cases, for every RUN: of build arguments with the names of proxies. They are no part of history or image. */
export function proxyEnvironment(buildArgs: Readonly<Record<string, string>>): string[] {
  return proxies.flatMap((name) => {
    const key = Object.keys(buildArgs)
      .sort()
      .findLast((each) => each.toUpperCase() === name);
    const value = key === undefined ? undefined : buildArgs[key];
    return value ? [`${name}=${value}`, `${name.toLowerCase()}=${value}`] : [];
  });
}

function unusedBuildArgs(dockerfile: Dockerfile, buildArgs: Readonly<Record<string, string>>): string[] {
  const all = [...dockerfile.metaArgs, ...dockerfile.stages.flatMap(({ instructions }) => instructions)];
  const declared = new Set(all.flatMap((each) => (each.name === "ARG" ? each.args.map(({ key }) => key) : [])));
  const isUsed = (name: string): boolean =>
    declared.has(name) ||
    proxies.includes(name.toUpperCase()) ||
    name === "SOURCE_DATE_EPOCH" ||
    /^(BUILDKIT_|BUILD(PLATFORM|OS|ARCH|VARIANT)|TARGET(PLATFORM|OS|ARCH|VARIANT|STAGE))/.test(name);
  return Object.keys(buildArgs)
    .filter((name) => !isUsed(name))
    .sort();
}
