import { isIP } from "node:net";
import type { CreateRequest, MountRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import type { CreateOptions, RefusedOptions } from "./create-flags.ts";
import { parseDeviceRule } from "./parse/device-values.ts";
import {
  type Environment,
  parseEnvironmentFile,
  parseLabel,
  parseLabelFile,
  parseVariable,
} from "./parse/environment.ts";
import { parseHealthcheck } from "./parse/health.ts";
import { parseDevice, parseExtraHost, parseRestartPolicy, parseSecurityOptions, parseUlimit } from "./parse/limits.ts";
import { parseLog } from "./parse/log.ts";
import { parseMount, parseTmpfs } from "./parse/mounts.ts";
import { parseNamespaces } from "./parse/namespaces.ts";
import { parseNetworks } from "./parse/networks.ts";
import { parseExposed, parsePort } from "./parse/ports.ts";
import { parseBytes, parseInteger } from "./parse/sizes.ts";
import { refused, UsageError } from "./parse/usage-error.ts";
import { parseVolume, parseVolumesFrom } from "./parse/volumes.ts";
import { readText } from "./read-text.ts";
import { resourcesOf } from "./resource-flags.ts";

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
  refuse(options);
  return {
    ...emptyCreateRequest(image),
    ...processFields(command, options, here),
    ...networkFields(options),
    ...securityFields(options),
    ...lifeFields(options),
    ...parseNamespaces(options),
    mounts: mountsOf(options, here),
    volumesFrom: (options.volumesFrom ?? []).map(parseVolumesFrom),
    labels: labelsOf(options),
    resources: resourcesOf(options),
    shmSize: limitOf(options.shmSize, (text) => parseBytes("--shm-size", text)),
    oomScoreAdj: oomScoreOf(options.oomScoreAdj),
  };
}

const answers: readonly (readonly [keyof RefusedOptions, string])[] = [
  [
    "link",
    "--link is not supported: containers on a network of your own (gantry network create) find each other by name",
  ],
  ["gpus", "--gpus is not supported: give the devices with --device"],
  ["storageOpt", "--storage-opt is not supported: a container's file system is limited by the disk alone"],
  ["linkLocalIp", "--link-local-ip is not supported"],
  ["useApiSocket", "--use-api-socket is not supported"],
  ["cpuCount", "--cpu-count is for Windows only: want --cpus"],
  ["cpuPercent", "--cpu-percent is for Windows only: want --cpus"],
  ["ioMaxbandwidth", "--io-maxbandwidth is for Windows only: want --device-read-bps and --device-write-bps"],
  ["ioMaxiops", "--io-maxiops is for Windows only: want --device-read-iops and --device-write-iops"],
];

/** What would silently not be there. */
function refuse(options: CreateOptions): void {
  const answer = answers.find(([key]) => options[key] !== undefined)?.[1];
  if (answer !== undefined) throw new UsageError(answer);
  const { isolation } = options;
  if (isolation === undefined || isolation === "" || isolation === "default") return;
  throw refused(`invalid --isolation "${isolation}": Linux has only default`);
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
    domainname: options.domainname ?? "",
    ...parseNetworks({ ...options, networkAlias: [...(options.networkAlias ?? []), ...(options.netAlias ?? [])] }),
    ports: (options.publish ?? []).flatMap(parsePort),
    ...given("expose", options.expose?.flatMap(parseExposed)),
    publishAll: options.publishAll ?? false,
    dns: (options.dns ?? []).map(parseNameServer),
    dnsSearch: options.dnsSearch ?? [],
    dnsOptions: [...(options.dnsOption ?? []), ...(options.dnsOpt ?? [])],
    extraHosts: (options.addHost ?? []).map(parseExtraHost),
  };
}

function parseNameServer(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new UsageError(`DNS server ${JSON.stringify(text)} is not an IP address`);
}

function securityFields(options: CreateOptions) {
  return {
    ...parseSecurityOptions(options.securityOpt ?? [], (path) => readText(path)),
    readOnlyRootfs: options.readOnly ?? false,
    privileged: options.privileged ?? false,
    capAdd: options.capAdd ?? [],
    capDrop: options.capDrop ?? [],
    ulimits: (options.ulimit ?? []).map(parseUlimit),
    devices: (options.device ?? []).map(parseDevice),
    deviceCgroupRules: (options.deviceCgroupRule ?? []).map(parseDeviceRule),
    sysctls: Object.fromEntries((options.sysctl ?? []).map(parseSysctl)),
    cgroupParent: options.cgroupParent ?? "",
    runtime: options.runtime ?? "",
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
    healthcheck: parseHealthcheck(options),
    log: parseLog(options.logDriver, options.logOpt ?? []),
    annotations: Object.fromEntries((options.annotation ?? []).map(parseLabel)),
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
  const defaults = { directory: here.directory, driver: options.volumeDriver || "local" };
  const mounts = [
    ...(options.volume ?? []).map((text) => parseVolume(text, defaults)),
    ...(options.mount ?? []).map((text) => parseMount(text, defaults)),
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

function oomScoreOf(text: string | undefined): number | null {
  const score = text === undefined ? null : parseInteger("--oom-score-adj", text);
  if (score === null || Math.abs(score) <= 1000) return score;
  throw refused(`invalid --oom-score-adj "${text}": want a whole number of -1000 to 1000`);
}

/** As docker: 0 is as if nothing was said. */
function limitOf(text: string | undefined, parse: (text: string) => number): number | null {
  return text === undefined ? null : parse(text) || null;
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
