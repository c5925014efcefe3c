import { resolve } from "node:path";
import type { BuildRequest, NamedContext } from "../../../engine/protocol/builds.ts";
import type { Surroundings } from "../create-request.ts";
import { parseExtraHost, parseUlimit } from "../parse/limits.ts";
import { parseBytes } from "../parse/sizes.ts";
import { resourcesOf } from "../resource-flags.ts";
import { parseAttestations } from "./build-attestations.ts";
import { parseCacheFrom, parseCacheTo } from "./build-caches.ts";
import { isRemote } from "./build-context.ts";
import { wrong } from "./build-fields.ts";
import type { BuildOptions } from "./build-flags.ts";
import { type OutputPlan, parseOutputs } from "./build-outputs.ts";
import { parseAgent, parseSecret } from "./build-secrets.ts";

/** All of a request that the flags say: the context and what belongs to it comes from planContext. */
export type FlagFields = Omit<
  BuildRequest,
  "buildID" | "context" | "dockerfile" | "streamID" | "outputStreamID" | "credentials" | "output" | "tags"
>;

export type BuildFlags = { readonly fields: FlagFields; readonly plan: OutputPlan; readonly tags: readonly string[] };

/** Fails with a UsageError that names the flag. proxies: build arguments of the user's settings, which flags go before. */
export function parseBuildFlags(
  options: BuildOptions,
  here: Surroundings,
  proxies: Readonly<Record<string, string>> = {},
): BuildFlags {
  refuse(options);
  const { directory } = here;
  const buildArgs = { ...proxies, ...argumentsOf(options.buildArg ?? [], here) };
  const plan = planOutput(options, directory);
  const fields: FlagFields = {
    ...resultFields(options, directory),
    ...runFields(options, here),
    namedContexts: Object.fromEntries(listOf(options.buildContext, (text) => parseNamedContext(text, directory))),
    buildArgs,
    target: options.target ?? "",
    platform: platformOf(options.platform ?? []),
    pull: options.pull ?? false,
    ...freshnessOf(options),
    check: options.check ?? options.call === "check",
    sourceDateEpoch: epochOf(buildArgs.SOURCE_DATE_EPOCH),
  };
  return { fields, plan, tags: [...(options.tag ?? []), ...plan.names] };
}

function resultFields(options: BuildOptions, directory: string) {
  return {
    labels: Object.fromEntries(listOf(options.label, (text) => splitPair("label", text))),
    cacheFrom: listOf(options.cacheFrom, (text) => parseCacheFrom(text, directory)),
    cacheTo: listOf(options.cacheTo, (text) => parseCacheTo(text, directory)),
    squash: options.squash ?? false,
    ...parseAttestations(options),
  };
}

/** What RUN gets. */
function runFields(options: BuildOptions, here: Surroundings) {
  const { shmSize } = options;
  return {
    network: options.network || "default",
    extraHosts: listOf(options.addHost, parseExtraHost),
    secrets: listOf(options.secret, (text) => parseSecret(text, here)),
    ssh: listOf(options.ssh, (text) => parseAgent(text, here)),
    resources: resourcesOf(options),
    shmSize: shmSize === undefined ? null : parseBytes("--shm-size", shmSize) || null,
    ulimits: listOf(options.ulimit, parseUlimit),
    cgroupParent: options.cgroupParent ?? "",
    allow: listOf(options.allow, parseRight).flat(),
  };
}

function listOf<T>(texts: readonly string[] | undefined, parse: (text: string) => T): T[] {
  return (texts ?? []).map((text) => parse(text));
}

const refusals: readonly (readonly [keyof BuildOptions, string])[] = [
  ["annotation", "--annotation is not supported: images here have labels (--label)"],
  ["securityOpt", "--security-opt is not supported: RUN has the engine's own seccomp profile; see --allow"],
  ["policy", "--policy is not supported: policy.json beside the engine's settings says which images may be used"],
];

/** What would silently not be there. */
function refuse(options: BuildOptions): void {
  const refusal = refusals.find(([key]) => options[key] !== undefined)?.[1];
  if (refusal !== undefined) throw wrong(refusal);
  const { builder = "", isolation = "", call = "build" } = options;
  if (!["", "default"].includes(builder)) throw wrong(`no builder "${builder}" found: the engine builds itself`);
  if (!["", "default"].includes(isolation)) throw wrong(`invalid --isolation "${isolation}": Linux has only default`);
  if (!["build", "check"].includes(call)) throw wrong(`--call ${call} is not supported: want build or check`);
}

function planOutput(options: BuildOptions, directory: string): OutputPlan {
  const plan = parseOutputs(options.output ?? [], directory);
  if (!options.push) return plan;
  if (plan.output.type !== "image") throw wrong("push and this output cannot be used together");
  return { ...plan, push: true };
}

function argumentsOf(texts: readonly string[], { environment }: Surroundings): Record<string, string> {
  const given: Record<string, string> = {};
  for (const text of texts) {
    const [name, value] = text.includes("=") ? splitPair("build-arg", text) : [text, environment[text]];
    // As docker: one that is not set here is as if it had not been named.
    if (value !== undefined) given[name] = value;
  }
  const epoch = environment.SOURCE_DATE_EPOCH;
  return epoch === undefined || epoch === "" ? given : { SOURCE_DATE_EPOCH: epoch, ...given };
}

function splitPair(flag: string, text: string): [string, string] {
  const equals = text.indexOf("=");
  const key = equals === -1 ? text : text.slice(0, equals);
  if (key === "") throw wrong(`invalid --${flag} "${text}": the name is missing`);
  return [key, equals === -1 ? "" : text.slice(equals + 1)];
}

/** `0` is a time as well. */
function epochOf(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw wrong(`invalid SOURCE_DATE_EPOCH: ${text}: want seconds since 1970`);
}

function platformOf(texts: readonly string[]): string {
  const [platform = "", ...others] = texts.flatMap((text) => text.split(",")).filter((text) => text !== "");
  if (others.length > 0) throw wrong("multiple platforms are not supported: an image here is for one");
  return platform;
}

function freshnessOf({ cache, noCacheFilter = [] }: BuildOptions): Pick<BuildRequest, "noCache" | "noCacheFilter"> {
  const stages = noCacheFilter.flatMap((text) => text.split(",")).filter((stage) => stage !== "");
  const noCache = cache === false;
  if (noCache && stages.length > 0) throw wrong("--no-cache and --no-cache-filter cannot currently be used together");
  return { noCache, noCacheFilter: stages };
}

/** Rights to the host's files and devices are BuildKit's clients' own: here nothing is read that was not named. */
function parseRight(text: string): string[] {
  if (/^(?:fs(?:\.read|\.write)?|ssh)(?:=|$)/.test(text)) return [];
  if (text === "network.host" || text === "security.insecure") return [text];
  throw wrong(`invalid entitlement "${text}": want network.host or security.insecure`);
}

/** `NAME=VALUE` of --build-context. */
function parseNamedContext(text: string, directory: string): [string, NamedContext] {
  const [name, value] = splitPair("build-context", text);
  if (value === "") throw wrong(`invalid build context "${text}", want NAME=PATH or NAME=URL`);
  return [name, namedContextOf(value, directory)];
}

function namedContextOf(value: string, directory: string): NamedContext {
  const image = /^docker-image:\/\/(.+)$/.exec(value)?.[1];
  if (image !== undefined) return { type: "image", reference: image };
  const layout = /^oci-layout:\/\/(.+)$/.exec(value)?.[1];
  if (layout !== undefined) return layoutOf(layout, directory);
  return isRemote(value) ? { type: "remote", url: value } : { type: "directory", path: resolve(directory, value) };
}

/** `PATH`, `PATH:TAG`, `PATH@DIGEST` */
function layoutOf(text: string, directory: string): NamedContext {
  const [, path = text, tag, digest] = /^(.*?)(?::([\w][\w.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  return { type: "oci-layout", path: resolve(directory, path), reference: digest ?? tag ?? null };
}

export type ProgressKind = "plain" | "tty" | "json" | "rawjson" | "quiet";

/** `--progress`; `auto` takes what suits where it is shown. */
export function progressKind(options: BuildOptions, place: { readonly isTTY: boolean; readonly term: string }) {
  if (options.quiet) return "quiet";
  const kind = options.progress || "auto";
  const isTerminal = place.isTTY && place.term !== "dumb" && place.term !== "";
  if (kind === "auto") return isTerminal ? "tty" : "plain";
  if (kind === "tty" && !place.isTTY) throw wrong("progress tty needs a terminal: want plain or auto");
  if (isKind(kind)) return kind;
  throw wrong(`invalid progress mode ${kind}: want auto, plain, tty, json, rawjson or quiet`);
}

function isKind(text: string): text is ProgressKind {
  return ["plain", "tty", "json", "rawjson", "quiet"].includes(text);
}

/** Whether NO_COLOR and the like let colours be. */
export function wantsColour({ NO_COLOR, TERM }: Readonly<Record<string, string | undefined>>): boolean {
  return (NO_COLOR ?? "") === "" && TERM !== "dumb";
}
