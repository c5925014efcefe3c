import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { Command, HealthcheckInstruction, Instruction, Pair } from "../dockerfile/types.ts";
import { parsePorts } from "./exposed-ports.ts";
import { quoted, quotedList } from "./go-format.ts";
import {
  historyComment,
  type RunConfig,
  refuseTooMany,
  type StageState,
  shellIn,
  withVariables,
  workingDirectoryOf,
} from "./stage-state.ts";

/** Instructions that change nothing but the image's config. */
export type ConfigInstruction = Named<Instruction>;

const others = ["RUN", "ADD", "COPY", "WORKDIR", "ARG"] as const;
type Own<Name> = Exclude<Name, (typeof others)[number]>;
/** Without those that do more; of instructions that share a type only the names that are left. */
type Named<I extends Instruction> = I extends { readonly name: infer Name }
  ? [Own<Name>] extends [never]
    ? never
    : I & { readonly name: Own<Name> }
  : never;

const signalPattern = /^(?:SIG)?[A-Z][A-Z0-9+-]{1,12}$|^[1-9]\d?$/i;

export function isConfigInstruction(instruction: Instruction): instruction is ConfigInstruction {
  return !(others as readonly string[]).includes(instruction.name);
}

/**
 * The state after an instruction whose variables are expanded, with its entry in the history in BuildKit's words (frontend/dockerfile/
 * dockerfile2llb/convert.go). Fails with `invalid-argument`.
 */
export function applyInstruction(state: StageState, instruction: ConfigInstruction): StageState {
  switch (instruction.name) {
    case "ENV":
      return change(
        state,
        { Env: withVariables(state.config, instruction.pairs.map(entryOf)) },
        `ENV ${joinPairs(instruction.pairs)}`,
      );
    case "LABEL": {
      const Labels = { ...state.config.Labels, ...Object.fromEntries(instruction.pairs.map(entryOf)) };
      refuseTooMany("labels", Object.keys(Labels).length);
      return change(state, { Labels }, `LABEL ${joinPairs(instruction.pairs)}`);
    }
    case "CMD": {
      const Cmd = argumentsOf(instruction.command, state.config);
      return { ...change(state, { Cmd }, `CMD ${quotedList(Cmd)}`), hasCommand: true };
    }
    case "ENTRYPOINT": {
      const Entrypoint = argumentsOf(instruction.command, state.config);
      const reset = state.hasCommand ? {} : { Cmd: undefined };
      return change(state, { Entrypoint, ...reset }, `ENTRYPOINT ${quotedList(Entrypoint)}`);
    }
    case "SHELL":
      return change(state, { Shell: [...instruction.args] }, `SHELL [${instruction.args.join(" ")}]`);
    case "EXPOSE": {
      const ports = instruction.values.flatMap(parsePorts);
      const ExposedPorts = { ...state.config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
      return change(state, { ExposedPorts }, `EXPOSE map[${goMap(ports)}]`);
    }
    case "VOLUME": {
      if (instruction.values.some((value) => value === ""))
        throw invalid("VOLUME specified can not be an empty string");
      const Volumes = { ...state.config.Volumes, ...Object.fromEntries(instruction.values.map((path) => [path, {}])) };
      refuseTooMany("volumes", Object.keys(Volumes).length);
      return change(state, { Volumes }, `VOLUME [${instruction.values.join(" ")}]`);
    }
    case "USER":
      return change(state, { User: instruction.value }, `USER ${instruction.value}`);
    case "STOPSIGNAL": {
      const { value } = instruction;
      if (!signalPattern.test(value)) throw invalid(`STOPSIGNAL: invalid signal: ${value.slice(0, 40)}`);
      return change(state, { StopSignal: value }, `STOPSIGNAL ${value}`);
    }
    case "MAINTAINER":
      return { ...change(state, {}, `MAINTAINER ${instruction.value}`), author: instruction.value };
    case "ONBUILD": {
      const triggers = Array.isArray(state.config.OnBuild) ? (state.config.OnBuild as string[]) : [];
      return change(state, { OnBuild: [...triggers, instruction.trigger] }, `ONBUILD ${instruction.trigger}`);
    }
    case "HEALTHCHECK": {
      const Healthcheck = healthcheckFor(instruction.check);
      return change(state, { Healthcheck }, `HEALTHCHECK ${goHealthcheck(Healthcheck)}`);
    }
  }
}

/** WORKDIR: relative ones stand on the one before. */
export function nextWorkingDirectory({ config }: StageState, value: string): string {
  if (value === "") throw invalid("WORKDIR: an empty path is no directory");
  return posix.resolve("/", workingDirectoryOf(config), value);
}

/** The state with some fields of its config changed and one entry more in its history; undefined takes a field away. */
export function change(state: StageState, fields: Partial<RunConfig>, createdBy: string): StageState {
  const config = Object.fromEntries(
    Object.entries({ ...state.config, ...fields }).filter(([, value]) => value !== undefined),
  ) as RunConfig;
  const entry = { created_by: createdBy, comment: historyComment, empty_layer: true };
  return { ...state, config, history: [...state.history, entry] };
}

/** Exec form as it is, shell form with the shell before it. */
export function argumentsOf(command: Command, config: RunConfig): string[] {
  return command.form === "exec" ? [...command.args] : [...shellIn(config), command.text];
}

type Check = Exclude<HealthcheckInstruction["check"], null>;
type Healthcheck = {
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
};

function healthcheckFor(check: Check | null): Healthcheck {
  if (check === null) return { Test: ["NONE"] };
  const { command, interval, timeout, startPeriod, startInterval, retries } = check;
  const given = {
    Interval: interval,
    Timeout: timeout,
    StartPeriod: startPeriod,
    StartInterval: startInterval,
    Retries: retries,
  };
  return {
    Test: command.form === "exec" ? ["CMD", ...command.args] : ["CMD-SHELL", command.text],
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== 0)),
  };
}

/** As Go's %q writes docker's HealthConfig: the number of retries as a character. */
function goHealthcheck(check: Healthcheck): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const retries = check.Retries ?? 0;
  const hex = retries.toString(16).padStart(2, "0");
  return `&{${quotedList(check.Test)} ${times.map((time) => quoted(goDuration(time ?? 0))).join(" ")} '\\x${hex}'}`;
}

/** `1m30s`, as Go writes nanoseconds; whole milliseconds here. */
function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Math.round((seconds % 60) * 1e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function entryOf({ key, value }: Pair): [string, string] {
  return [key, value];
}

function joinPairs(pairs: readonly Pair[]): string {
  return pairs.map(({ key, value }) => `${key}=${value}`).join(" ");
}

function goMap(keys: readonly string[]): string {
  return [...new Set(keys)]
    .sort()
    .map((key) => `${key}:{}`)
    .join(" ");
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
