import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import { errnoError } from "../../host/errno.ts";
import { expandInstruction, resolveArgs } from "../dockerfile/expand.ts";
import { atLine } from "../dockerfile/failure.ts";
import { parseRunMount } from "../dockerfile/mounts.ts";
import type { Dockerfile, Instruction } from "../dockerfile/types.ts";
import { applyInstruction, isConfigInstruction } from "./apply-instruction.ts";
import type { Build } from "./build.ts";
import { declareArgs } from "./declare-arg.ts";
import { directoryStep } from "./directory-step.ts";
import { fileStep } from "./file-step.ts";
import { runStep } from "./run-step.ts";
import type { FindSource } from "./sources.ts";
import { lookupOf, type StageState, workingDirectoryOf } from "./stage-state.ts";
import type { StepPosition } from "./step-position.ts";

/** Milliseconds of instructions after which others get their turn: thousands may only change the config. */
const longestTurn = 10;

/** A stage whose base is known, with its rows. */
export type PlannedStage = {
  /** For messages. */
  readonly name: string;
  /** Of FROM. */
  readonly stepID: number;
  readonly steps: readonly PlannedStep[];
  /** Made anew whatever the cache has. */
  readonly isFresh: boolean;
  readonly findSource: FindSource;
};

export type PlannedStep = {
  readonly instruction: Instruction;
  readonly stepID: number;
  /** It comes from the base: its escape is a backslash, whatever this Dockerfile says. */
  readonly isTrigger: boolean;
};

/** What is the same for all stages. */
export type StageScope = {
  readonly escape: Dockerfile["directives"]["escape"];
  readonly globalArgs: ReadonlyMap<string, string>;
};

/** Does the instructions of a stage one after the other. A failure says in which stage and line. */
export async function solveStage(
  build: Build,
  initial: StageState,
  { stage, scope }: { readonly stage: PlannedStage; readonly scope: StageScope },
): Promise<StageState> {
  const { log } = build;
  let state = initial;
  // Nothing was made so far: what only changes the config is as good as cached.
  let isAllCached = true;
  let lastTurn = performance.now();
  for (const { instruction, stepID, isTrigger } of stage.steps) {
    try {
      if (performance.now() - lastTurn > longestTurn) {
        await nextTurn();
        lastTurn = performance.now();
      }
      if (build.signal.aborted) throw new EngineError("cancelled", "cancelled");
      const position = { stepID, isFresh: stage.isFresh };
      const own = isTrigger ? { ...scope, escape: "\\" as const } : scope;
      state = await step(build, state, { instruction, position, findSource: stage.findSource, scope: own });
      if (!log.isOver(stepID)) log.end(stepID, { status: isAllCached ? "cached" : "done" });
      isAllCached &&= log.statusOf(stepID) === "cached";
    } catch (error) {
      throw endFailed(build, error, { stage, stepID, line: instruction.lines.first });
    }
  }
  return state;
}

type Step = StepPosition & { readonly instruction: Instruction; readonly scope: StageScope };

function step(build: Build, state: StageState, step: Step): Promise<StageState> | StageState {
  const { scope, position, findSource } = step;
  if (step.instruction.name === "ARG") {
    const { buildArgs } = build.request;
    const declared = resolveArgs(step.instruction, { ...scope, buildArgs, lookup: lookupOf(state) });
    return declareArgs(state, declared);
  }
  const instruction = expandInstruction(step.instruction, lookupOf(state), scope.escape);
  const line = instruction.lines.first;
  if (isConfigInstruction(instruction)) return atLine(line, () => applyInstruction(state, instruction));
  switch (instruction.name) {
    case "RUN": {
      const directory = workingDirectoryOf(state.config);
      const mounts = atLine(line, () => instruction.mounts.map((mount) => parseRunMount(mount, directory)));
      return runStep(build, state, { instruction, mounts, position, findSource });
    }
    case "ADD":
    case "COPY":
      return fileStep(build, state, { instruction, position, findSource });
    case "WORKDIR":
      return directoryStep(build, state, { value: instruction.value, text: instruction.text, position });
    default:
      throw new Error(`${instruction.name} is not known here`);
  }
}

type Failed = { readonly stage: PlannedStage; readonly stepID: number; readonly line: number };

/** Shows the step as failed. Gives the failure with its place. */
function endFailed(build: Build, error: unknown, { stage, stepID, line }: Failed): EngineError {
  const { log, signal } = build;
  const isCancelled = signal.aborted || (error instanceof EngineError && error.code === "cancelled");
  if (isCancelled) {
    log.end(stepID, { status: "cancelled" });
    return new EngineError("cancelled", "cancelled");
  }
  const hasPlace = error instanceof EngineError && error.message.startsWith("dockerfile parse error");
  const failure = hasPlace ? error : errnoError(`stage ${stage.name}, line ${line}`, error);
  log.end(stepID, { status: "failed", error: error instanceof EngineError ? error.message : failure.message });
  return failure;
}
