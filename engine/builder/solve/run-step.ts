import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import type { FailedState } from "../build-history.ts";
import type { CachedStep } from "../cache/build-cache.ts";
import { proxyEnvironment } from "../dockerfile/stages.ts";
import type { Instruction, RunMount } from "../dockerfile/types.ts";
import { StepOutput } from "../step-output.ts";
import { argumentsOf } from "./apply-instruction.ts";
import type { Build } from "./build.ts";
import { keepFailed } from "./keep-failed.ts";
import { makeLayer } from "./make-layer.ts";
import { untilUnchanged } from "./sources.ts";
import { effectiveArgs, environmentOf, type StageState, shellIn, workingDirectoryOf } from "./stage-state.ts";
import { runKey } from "./step-key.ts";
import { openMounts, type PlannedMount, planMounts } from "./step-mounts.ts";
import type { StepPosition } from "./step-position.ts";
import { withLayer } from "./with-layer.ts";

export type RunInstruction = Extract<Instruction, { name: "RUN" }>;

/** A command ended with another code than 0. Its file system is as the command left it. */
class CommandFailure extends EngineError {
  readonly mountPoints: readonly string[];

  constructor(message: string, exitCode: number, mountPoints: readonly string[]) {
    super("failed-precondition", message, { exitCode });
    this.mountPoints = mountPoints;
  }
}

type Planned = {
  readonly instruction: RunInstruction;
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly mounts: readonly PlannedMount[];
  readonly network: string;
  readonly isPrivileged: boolean;
};

/** One RUN, its variables expanded and its mounts read. Fails with `failed-precondition` and the command's exit code. */
export async function runStep(
  build: Build,
  state: StageState,
  step: { readonly instruction: RunInstruction; readonly mounts: readonly RunMount[] } & StepPosition,
): Promise<StageState> {
  const { instruction } = step;
  const args = argumentsOf(instruction.command, state.config);
  const effective = effectiveArgs(state);
  const environment = [...(state.config.Env ?? []), ...effective];
  const isolation = isolationOf(build, instruction);
  const made = await untilUnchanged(async () => {
    const mounts = await planMounts(build, step.mounts, step.findSource);
    const planned = { instruction, args, environment, mounts, ...isolation };
    return makeRun(build, state, { planned, position: step.position });
  });
  const counted = effective.length > 0 ? [`|${effective.length}`, ...effective] : [];
  return withLayer(state, made, `RUN ${[...counted, ...args].join(" ")} # buildkit`);
}

function makeRun(
  build: Build,
  state: StageState,
  { planned, position }: { readonly planned: Planned } & Pick<StepPosition, "position">,
): Promise<CachedStep> {
  const { instruction } = planned;
  const { chain } = state;
  return makeLayer(build, {
    key: runKey({
      ...planned,
      chain,
      epoch: build.epoch,
      script: shellForm(instruction).script?.content ?? null,
      user: state.config.User ?? "",
      workingDirectory: workingDirectoryOf(state.config),
      extraHosts: build.request.extraHosts,
    }),
    chain,
    stepID: position.stepID,
    description: instruction.text,
    isFresh: position.isFresh,
    make: (rootfs, tell) => runIn(build, state, { planned, rootfs, tell }),
    onFailure: async (writable, error) => {
      if (!(error instanceof CommandFailure)) return;
      await keepFailed(build, { writable, chain, mountPoints: error.mountPoints, state: failedState(state) });
    },
  });
}

function shellForm({ command }: RunInstruction) {
  return command.form === "shell" ? { script: command.script ?? null } : { script: null };
}

/** What the request allows. */
function isolationOf({ request }: Build, { network, security }: RunInstruction) {
  const needed = [
    ...(security === "insecure" ? ["security.insecure"] : []),
    ...(network === "host" ? ["network.host"] : []),
  ];
  const missing = needed.find((entitlement) => !request.allow.includes(entitlement));
  if (missing !== undefined) {
    throw new EngineError("permission-denied", `${missing} is not allowed`, { hint: `build with --allow ${missing}` });
  }
  return { network: network ?? (request.network || "default"), isPrivileged: security === "insecure" };
}

type Running = {
  readonly planned: Planned;
  readonly rootfs: string;
  readonly tell: (output: { readonly stream: 1 | 2; readonly text: string }) => void;
};

async function runIn(build: Build, state: StageState, { planned, rootfs, tell }: Running) {
  const { request, parts, signal } = build;
  await using stack = new AsyncDisposableStack();
  const opened = await openMounts(build, planned.mounts, stack);
  const { script } = shellForm(planned.instruction);
  const scripts = script === null ? [] : [await writeScript(build, script)];
  using output = new StepOutput(tell);
  const end = await parts.runner.run(
    {
      id: randomBytes(32).toString("hex"),
      rootfs,
      args: planned.args,
      environment: [...proxyEnvironment(request.buildArgs), ...planned.environment, ...opened.environment],
      user: state.config.User ?? "",
      workingDirectory: workingDirectoryOf(state.config),
      mounts: [...opened.mounts, ...scripts],
      network: planned.network,
      isPrivileged: planned.isPrivileged,
      extraHosts: request.extraHosts,
      resources: request.resources,
      shmSize: request.shmSize,
      ulimits: request.ulimits,
      cgroupParent: request.cgroupParent,
    },
    { signal, onOutput: (stream, bytes) => output.write(stream, bytes) },
  );
  if (end.exitCode === 0) return end.mountPoints;
  throw new CommandFailure(describeFailure(planned, end), end.exitCode, end.mountPoints);
}

async function writeScript(build: Build, { name, content }: { readonly name: string; readonly content: string }) {
  const directory = join(build.scratch, randomBytes(8).toString("hex"));
  await mkdir(directory, { mode: 0o755 });
  await writeFile(join(directory, "script"), content, { mode: 0o755 });
  return {
    type: "bind",
    source: join(directory, "script"),
    target: `/dev/pipes/${name}`,
    readOnly: true,
  } as const;
}

/** docker's words. */
function describeFailure(
  { args }: Planned,
  { exitCode, oomKilled }: { readonly exitCode: number; readonly oomKilled: boolean },
): string {
  const why = oomKilled ? " (it was killed for want of memory)" : "";
  return `process ${JSON.stringify(args.join(" "))} did not complete successfully: exit code: ${exitCode}${why}`;
}

function failedState(state: StageState): Omit<FailedState, "chain"> {
  const environment = environmentOf(state.config);
  const args = effectiveArgs(state);
  return {
    environment: [...[...environment].map(([key, value]) => `${key}=${value}`), ...args],
    user: state.config.User ?? "",
    workingDirectory: workingDirectoryOf(state.config),
    shell: [...shellIn(state.config)],
  };
}
