import { existsSync, readFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { isIP } from "node:net";
import { EngineError } from "../errors.ts";
import { patientDisk } from "../host/patient-disk.ts";
import { parseSignal } from "../host/signals.ts";
import { parseRanges } from "../lib/number-ranges.ts";
import type { CreateRequest, Healthcheck, MountRequest } from "../protocol/create-request.ts";
import type { PortRequest } from "../protocol/ports.ts";
import type { RestartPolicy } from "../protocol/resources.ts";
import { hasOwnNetworks, joinedContainerOf } from "./network-mode.ts";

/** Characters of a list of processors; ranges that overlap without end would fill memory. */
const longestList = 1024;

/**
 * Refuses, before anything is made, what the building of the runtime spec does not look at. Fails with `invalid-argument`. Gives
 * warnings.
 */
export function checkRequest(request: CreateRequest): string[] {
  refuseNulBytes(request);
  checkEnvironment(request.environment);
  checkHostname(request.hostname);
  if (request.stopSignal !== undefined) parseSignal(request.stopSignal);
  checkAddresses(request);
  checkCpuset(request.resources);
  checkHealthcheck(request.healthcheck);
  if (request.autoRemove && request.restartPolicy.name !== "no") {
    refuse("a container cannot be removed at its end (--rm) and restarted (--restart) at once");
  }
  checkRestartPolicy(request.restartPolicy);
  if (request.shmSize !== null && request.shmSize <= 0) refuse("--shm-size must be greater than 0");
  return checkNetworkMode(request);
}

/** docker's words. */
function checkNetworkMode(request: CreateRequest): string[] {
  if (request.network === "") refuse("the network must not be empty");
  if (hasOwnNetworks(request)) return [];
  const isJoined = joinedContainerOf(request) !== null;
  if (Object.keys(request.endpoints).some((name) => name !== request.network)) {
    refuse(`a container with network ${request.network} cannot be on other networks as well`);
  }
  const conflicts: [name: string, isGiven: boolean][] = [
    ["port publishing", request.ports.length > 0 || request.publishAll],
    ["port exposing", (request.expose ?? []).length > 0],
    ["hostname", request.hostname !== undefined],
    ["dns", request.dns.length > 0],
    ["custom host-to-IP mapping", request.extraHosts.length > 0],
  ];
  const conflict = isJoined ? conflicts.find(([, isGiven]) => isGiven) : undefined;
  if (conflict !== undefined) refuse(`conflicting options: ${conflict[0]} and the container type network mode`);
  if (request.ports.length === 0 && !request.publishAll) return [];
  return [`published ports are discarded with network ${request.network}`];
}

export function checkRestartPolicy({ name, maximumRetryCount }: RestartPolicy): void {
  if (maximumRetryCount < 0) refuse("maximum retry count cannot be negative");
  if (maximumRetryCount > 0 && name !== "on-failure") refuse(`restart policy ${name} takes no retry count`);
}

function refuse(message: string, hint: string | null = null): never {
  throw new EngineError("invalid-argument", message, { hint, exitCode: 125 });
}

/** The kernel ends a string there: what would be run is not what was asked for. */
function refuseNulBytes(request: CreateRequest): void {
  JSON.stringify(request, (key, value) => {
    if (key.includes("\0") || (typeof value === "string" && value.includes("\0")))
      refuse("the request holds a NUL byte");
    return value;
  });
}

function checkEnvironment(environment: readonly string[]): void {
  const bad = environment.find((entry) => entry === "" || entry.startsWith("="));
  if (bad !== undefined) refuse(`environment variable ${JSON.stringify(bad)} has no name`);
}

function checkHostname(hostname: string | undefined): void {
  if (hostname === undefined) return;
  if (/^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/.test(hostname) && hostname.length <= 63) return;
  refuse(`hostname ${JSON.stringify(hostname)} is not valid`, "use at most 63 letters, digits, dots and dashes");
}

/** Beside checkRequest, and not in its way: a look at a dead network share lasts, and must not hold the engine up. */
export async function checkSources(mounts: readonly MountRequest[]): Promise<void> {
  for (const { type, source, createSource } of mounts) {
    if (type !== "bind" || createSource || (await exists(source))) continue;
    refuse(`mount source ${source} does not exist on this host`, "make it first, or use -v, which makes it");
  }
}

function exists(path: string): Promise<boolean> {
  return patientDisk.ask(path, () =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
}

function checkAddresses(request: CreateRequest): void {
  for (const address of request.dns) {
    if (isIP(address) === 0) refuse(`DNS server ${JSON.stringify(address)} is not an IP address`);
  }
  for (const { name, address } of request.extraHosts) {
    if (!/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,252}$/.test(name))
      refuse(`host name ${JSON.stringify(name)} of --add-host is not valid`);
    if (isIP(address) === 0 && address !== "host-gateway") {
      refuse(`address ${JSON.stringify(address)} of --add-host ${name} is not an IP address`);
    }
  }
  for (const text of [...request.dnsSearch, ...request.dnsOptions]) {
    if (!/^[a-zA-Z0-9._:-]*$/.test(text)) refuse(`DNS option ${JSON.stringify(text)} is not valid`);
  }
  checkPorts(request.ports);
}

function checkPorts(ports: readonly PortRequest[]): void {
  for (const port of ports) {
    if (port.hostAddress !== "" && isIP(port.hostAddress) === 0) {
      refuse(`host address ${JSON.stringify(port.hostAddress)} of port ${port.containerPort} is not an IP address`);
    }
    const { hostPort, hostPortLast } = port;
    if (hostPortLast !== undefined && (hostPort === null || hostPortLast < hostPort)) {
      refuse(`host ports of port ${port.containerPort} are no range`);
    }
  }
}

/** In docker's words. */
function checkHealthcheck(check: Healthcheck | null): void {
  if (check === null) return;
  const { interval, timeout, startPeriod, startInterval } = check;
  for (const [name, value] of Object.entries({
    interval,
    timeout,
    "start period": startPeriod,
    "start interval": startInterval,
  })) {
    if (value !== 0 && value < 1e6) refuse(`${name} in healthcheck cannot be less than 1ms`);
  }
  if (check.retries < 0) refuse("retries in healthcheck cannot be negative");
  const [kind] = check.test;
  if (kind !== undefined && !["NONE", "CMD", "CMD-SHELL"].includes(kind)) {
    refuse(`healthcheck ${JSON.stringify(kind)} is not known`, "it begins with NONE, CMD or CMD-SHELL");
  }
}

/** As docker does: a list may be well-formed, and name what this host has not. */
function checkCpuset({ cpusetCpus, cpusetMems }: CreateRequest["resources"]): void {
  checkOnline(cpusetCpus, { flag: "--cpuset-cpus", what: "processor", online: "/sys/devices/system/cpu/online" });
  checkOnline(cpusetMems, { flag: "--cpuset-mems", what: "memory node", online: "/sys/devices/system/node/online" });
}

type OnlineList = { readonly flag: string; readonly what: string; readonly online: string };

function checkOnline(wanted: string | null, { flag, what, online: path }: OnlineList): void {
  if (wanted === null || wanted === "") return;
  const numbers = wanted.length > longestList ? null : parseRanges(wanted);
  if (numbers === null) refuse(`${flag} ${JSON.stringify(wanted.slice(0, 80))} is not a list such as 0-3,8`);
  // A host without NUMA has one node, and no such file.
  const online = existsSync(path) ? readFileSync(path, "latin1").trim() : "0";
  const there = new Set(parseRanges(online));
  const missing = numbers.find((number) => !there.has(number));
  if (missing !== undefined) refuse(`${flag} ${wanted}: this host has no ${what} ${missing}, only ${online}`);
}
