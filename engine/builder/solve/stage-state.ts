import { EngineError } from "../../errors.ts";
import type { DiffID } from "../../oci/digest.ts";
import type { HistoryDocument, ImageConfig } from "../../oci/image-config.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Lookup } from "../dockerfile/types.ts";

/** The `config` object of an image config, in docker's form. */
export type RunConfig = NonNullable<ImageConfig["config"]>;

/** What a stage is between two instructions. A value: each instruction gives the next one. */
export type StageState = {
  /** Lowest first. */
  readonly chain: readonly DiffID[];
  /** How many of these, the lowest, are of the image that it all began with. */
  readonly baseLength: number;
  readonly config: RunConfig;
  /** Of the base image and of this build. Steps of this build get their time at the end. */
  readonly history: readonly HistoryDocument[];
  readonly author: string;
  readonly platform: Platform;
  /** ARGs declared so far, in order; null: without a value. */
  readonly args: ReadonlyMap<string, string | null>;
  /** CMD stood in this stage: ENTRYPOINT leaves it. */
  readonly hasCommand: boolean;
  /** RFC 3339: when the newest layer was made; null: none has been made of nothing. */
  readonly createdAt: string | null;
};

/** What docker gives to images without a PATH (BuildKit, util/system/path.go). */
export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Of each entry of the history that a build makes. */
export const historyComment = "gantry.dockerfile.v0";
const defaultShell = ["/bin/sh", "-c"];

/** FROM scratch. */
export function emptyState(platform: Platform): StageState {
  return {
    chain: [],
    baseLength: 0,
    config: { Env: [defaultPath], WorkingDir: "/" },
    history: [],
    author: "",
    platform,
    args: new Map(),
    hasCommand: false,
    createdAt: null,
  };
}

/** Read once: each instruction asks for it, and a hostile file has thousands. */
const environments = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

export function environmentOf({ Env }: RunConfig): ReadonlyMap<string, string> {
  if (!Env) return new Map();
  const known = environments.get(Env) ?? new Map(Env.map(splitPair));
  environments.set(Env, known);
  return known;
}

/** Far more than a kernel gives to a program: each instruction has all of them before it. */
const mostVariables = 10_000;

/** Fails with `resource-exhausted`. count: of variables, labels or the like that a stage has by now. */
export function refuseTooMany(what: string, count: number): void {
  if (count > mostVariables) throw new EngineError("resource-exhausted", `more than ${mostVariables} ${what}`);
}

/** The `Env` of a config after some variables were set. */
export function withVariables(config: RunConfig, pairs: readonly (readonly [string, string])[]): string[] {
  const environment = new Map([...environmentOf(config), ...pairs]);
  refuseTooMany("variables", environment.size);
  const Env = Array.from(environment, ([key, value]) => `${key}=${value}`);
  environments.set(Env, environment);
  return Env;
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** Variables as instructions see them: ENV goes before ARG (Dockerfile reference, "Using ARG variables"). */
export function lookupOf({ config, args }: StageState): Lookup {
  const environment = environmentOf(config);
  return (name) => environment.get(name) ?? args.get(name) ?? undefined;
}

/** ARGs with a value that no ENV hides, as they stand in the environment of RUN. */
export function effectiveArgs({ config, args }: StageState): string[] {
  const environment = environmentOf(config);
  return [...args].flatMap(([key, value]) => (value === null || environment.has(key) ? [] : [`${key}=${value}`]));
}

export function shellIn(config: RunConfig): readonly string[] {
  const shell = config.Shell;
  return Array.isArray(shell) && shell.length > 0 ? (shell as string[]) : defaultShell;
}

export function workingDirectoryOf(config: RunConfig): string {
  return config.WorkingDir || "/";
}
