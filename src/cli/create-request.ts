import { readFileSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";
import type { CreateRequest, MountRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../engine/protocol/defaults.ts";
import type { Resources } from "../../engine/protocol/resources.ts";
import type { CreateOptions } from "./create-flags.ts";
import {
  type Environment,
  parseEnvironmentFile,
  parseLabel,
  parseLabelFile,
  parseVariable,
} from "./parse/environment.ts";
import {
  parseDevice,
  parseExtraHost,
  parseNetwork,
  parseRestartPolicy,
  parseSecurityOptions,
  parseUlimit,
} from "./parse/limits.ts";
import { parseMount, parseTmpfs, parseVolume } from "./parse/mounts.ts";
import { parseExposed, parsePort } from "./parse/ports.ts";
import { parseBytes, parseBytesOrUnlimited, parseCpus, parseInteger } from "./parse/sizes.ts";
import { UsageError } from "./parse/usage-error.ts";

/** Where a command is typed: what its flags are resolved against. */
export type Surroundings = {
  readonly directory: string;
  readonly environment: Environment;
};

/** The request that the flags mean. Fails with a UsageError that names the flag. */
export function toCreateRequest(
  image: string,
  command: readonly string[],
  options: CreateOptions,
  here: Surroundings,
): CreateRequest {
  return {
    ...emptyCreateRequest(image),
    ...processFields(command, options, here),
    ...networkFields(options),
    ...securityFields(options),
    ...lifeFields(options),
    mounts: mountsOf(options, here),
    labels: labelsOf(options),
    resources: resourcesOf(options),
    shmSize: limitOf(options.shmSize, (text) => parseBytes("--shm-size", text)),
    oomScoreAdj: integer("--oom-score-adj", options.oomScoreAdj, -1000, 1000) ?? null,
  };
}

function processFields(command: readonly string[], options: CreateOptions, here: Surroundings) {
  const { entrypoint } = options;
  // An entrypoint of one's own replaces the image's command with it.
  const words = command.length > 0 || entrypoint !== undefined ? [...command] : undefined;
  return {
    ...given("command", words),
    ...given("entrypoint", entrypoint === "" ? [] : entrypoint === undefined ? undefined : [entrypoint]),
    ...given("workingDirectory", options.workdir),
    ...given("user", options.user),
    groupAdd: options.groupAdd ?? [],
    environment: environmentOf(options, here),
    terminal: options.tty ?? false,
    openStdin: options.interactive ?? false,
    stdinOnce: false,
  };
}

function networkFields(options: CreateOptions) {
  return {
    ...given("hostname", options.hostname),
    network: parseNetwork(options.network ?? options.net ?? "bridge"),
    ports: (options.publish ?? []).flatMap(parsePort),
    ...given("expose", options.expose?.flatMap(parseExposed)),
    publishAll: options.publishAll ?? false,
    dns: options.dns ?? [],
    dnsSearch: options.dnsSearch ?? [],
    dnsOptions: options.dnsOption ?? [],
    extraHosts: (options.addHost ?? []).map(parseExtraHost),
  };
}

function securityFields(options: CreateOptions) {
  return {
    ...parseSecurityOptions(options.securityOpt ?? [], readText),
    readOnlyRootfs: options.readOnly ?? false,
    privileged: options.privileged ?? false,
    capAdd: options.capAdd ?? [],
    capDrop: options.capDrop ?? [],
    ulimits: (options.ulimit ?? []).map(parseUlimit),
    devices: (options.device ?? []).map(parseDevice),
    sysctls: Object.fromEntries((options.sysctl ?? []).map(parseSysctl)),
  };
}

function lifeFields(options: CreateOptions) {
  return {
    ...given("name", options.name),
    ...given("stopSignal", options.stopSignal),
    ...given("stopTimeout", integer("--stop-timeout", options.stopTimeout, -1)),
    restartPolicy: restartPolicyOf(options),
    autoRemove: options.rm ?? false,
    init: options.init ?? false,
  };
}

function environmentOf(options: CreateOptions, here: Surroundings): string[] {
  const fromFiles = (options.envFile ?? []).flatMap((path) =>
    parseEnvironmentFile(path, readText(path), here.environment),
  );
  const fromFlags = (options.env ?? []).map((text) => parseVariable(text, here.environment));
  return [...fromFiles, ...fromFlags];
}

function mountsOf(options: CreateOptions, here: Surroundings): MountRequest[] {
  const mounts = [
    ...(options.volume ?? []).map((text) => parseVolume(text, here.directory)),
    ...(options.mount ?? []).map((text) => parseMount(text, here.directory)),
    ...(options.tmpfs ?? []).map(parseTmpfs),
  ];
  const targets = mounts.map((mount) => mount.target);
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw new UsageError(`two mounts at ${twice}: a target can be used once`);
  return mounts;
}

function labelsOf(options: CreateOptions): Record<string, string> {
  const fromFiles = (options.labelFile ?? []).flatMap((path) => parseLabelFile(readText(path)));
  return Object.fromEntries([...fromFiles, ...(options.label ?? []).map(parseLabel)]);
}

function restartPolicyOf(options: CreateOptions): CreateRequest["restartPolicy"] {
  const policy = parseRestartPolicy(options.restart ?? "no");
  if (options.rm && policy.name !== "no") throw new UsageError("--rm and --restart exclude each other");
  return policy;
}

/** As docker: 0 is as if nothing was said. */
function limitOf(text: string | undefined, parse: (text: string) => number): number | null {
  return text === undefined ? null : parse(text) || null;
}

function resourcesOf(options: CreateOptions): Resources {
  const { memory, memorySwap, memoryReservation, cpus, cpusetCpus } = options;
  const pidsLimit = integer("--pids-limit", options.pidsLimit, -1);
  return {
    ...unlimited,
    memory: limitOf(memory, (text) => parseBytes("--memory", text)),
    memorySwap: limitOf(memorySwap, (text) => parseBytesOrUnlimited("--memory-swap", text)),
    memoryReservation: limitOf(memoryReservation, (text) => parseBytes("--memory-reservation", text)),
    nanoCpus: limitOf(cpus, parseCpus),
    cpuShares: integer("--cpu-shares", options.cpuShares, 0) ?? null,
    cpusetCpus: cpusetCpus ?? null,
    pidsLimit: pidsLimit === undefined || pidsLimit <= 0 ? null : pidsLimit,
  };
}

function parseSysctl(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`invalid --sysctl "${text}": want name=value`);
  return [name, value];
}

function integer(flag: string, text: string | undefined, minimum: number, maximum = 2 ** 31): number | undefined {
  return text === undefined ? undefined : parseInteger(flag, text, { minimum, maximum });
}

function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new EngineError("invalid-argument", `read ${path}: ${messageOf(cause)}`, { cause });
  }
}
