import { EngineError } from "../../errors.ts";
import type { CreateRequest, LogChoice } from "../../protocol/create-request.ts";
import { emptyCreateRequest } from "../../protocol/defaults.ts";
import type { CreateBody, HostConfigBody } from "./create-body.ts";
import { toMounts } from "./mounts.ts";
import { toNetworks } from "./networks.ts";
import { toExposed, toPorts } from "./ports.ts";
import { toResources, toRestartPolicy } from "./resources-body.ts";
import { toSecurity } from "./security.ts";

/** docker's, that write somewhere else than to a file of the container. */
const otherLogDrivers = ["awslogs", "fluentd", "gcplogs", "gelf", "journald", "splunk", "syslog"];

/**
 * What a docker client asks for, as the engine is asked. Fails in docker's words; with `unimplemented` for what would silently not
 * come true. imageCommand: the image's, taken where an empty entrypoint is asked for and no command.
 */
export function toCreateRequest(name: string, body: CreateBody, imageCommand: () => readonly string[]): CreateRequest {
  const { HostConfig: host } = body;
  refuse(body);
  return {
    ...emptyCreateRequest(body.Image),
    ...(name === "" ? {} : { name }),
    ...processFields(body, imageCommand),
    ...hostFields(host),
    ...limitFields(host),
    ...toNetworks(body),
    ...toSecurity(host),
    domainname: body.Domainname,
    ...(body.Hostname === "" ? {} : { hostname: body.Hostname }),
    labels: body.Labels,
    mounts: toMounts(body),
    ports: toPorts(host.PortBindings),
    expose: toExposed(body.ExposedPorts),
    healthcheck: toHealthcheck(body.Healthcheck),
  };
}

function processFields(body: CreateBody, imageCommand: () => readonly string[]) {
  const { User: user, WorkingDir: workingDirectory, StopSignal: stopSignal, StopTimeout: stopTimeout } = body;
  return {
    ...toCommand(body, imageCommand),
    environment: body.Env,
    terminal: body.Tty,
    openStdin: body.OpenStdin,
    stdinOnce: body.StdinOnce,
    ...(user === "" ? {} : { user }),
    ...(workingDirectory === "" ? {} : { workingDirectory }),
    ...(stopSignal === "" ? {} : { stopSignal }),
    ...(stopTimeout === null || stopTimeout === undefined ? {} : { stopTimeout }),
  };
}

/** moby's rule (daemon/commit.go, `merge`): an entrypoint of one's own drops the image's command, an empty one does not, `[""]` does. */
function toCommand({ Cmd: command, Entrypoint: entrypoint }: CreateBody, imageCommand: () => readonly string[]) {
  const given = command === null || command.length === 0 ? undefined : command;
  if (entrypoint === null) return given === undefined ? {} : { command: given };
  if (entrypoint.length === 0) return { entrypoint, command: given ?? [...imageCommand()] };
  return { entrypoint: entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint, command: given ?? [] };
}

function hostFields(host: HostConfigBody) {
  return {
    volumesFrom: host.VolumesFrom.map(parseVolumesFrom),
    publishAll: host.PublishAllPorts,
    dns: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions,
    extraHosts: host.ExtraHosts.map(parseExtraHost),
    annotations: host.Annotations,
    restartPolicy: toRestartPolicy(host.RestartPolicy ?? { Name: "", MaximumRetryCount: 0 }),
    autoRemove: host.AutoRemove,
    init: host.Init ?? false,
    log: toLog(host.LogConfig),
    readOnlyRootfs: host.ReadonlyRootfs,
    privileged: host.Privileged,
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    groupAdd: host.GroupAdd,
    ipcMode: host.IpcMode,
    pidMode: host.PidMode,
    utsMode: host.UTSMode,
    cgroupnsMode: host.CgroupnsMode,
    usernsMode: host.UsernsMode,
    runtime: host.Runtime,
  };
}

function limitFields(host: HostConfigBody) {
  const { OomScoreAdj: oomScore, PidsLimit: pidsLimit } = host;
  if (Math.abs(oomScore) > 1000) {
    throw invalid(`Invalid value ${oomScore}, range for oom score adj is [-1000, 1000]`);
  }
  return {
    // Any number below 1 is docker's word for no limit.
    resources: toResources({ ...host, PidsLimit: (pidsLimit ?? 0) < 1 ? null : pidsLimit }),
    cgroupParent: host.CgroupParent,
    sysctls: host.Sysctls,
    shmSize: host.ShmSize || null,
    oomScoreAdj: oomScore || null,
    ulimits: host.Ulimits.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    devices: host.Devices.map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
      hostPath: PathOnHost,
      containerPath: PathInContainer || PathOnHost,
      permissions: CgroupPermissions || "rwm",
    })),
    deviceCgroupRules: host.DeviceCgroupRules,
  };
}

/** What would silently not be there. */
function refuse({ HostConfig: host, Shell: shell }: CreateBody): void {
  const [request] = host.DeviceRequests;
  const [storageOption] = Object.keys(host.StorageOpt);
  if (request !== undefined) {
    const capabilities = request.Capabilities.map((all) => `[${all.join(" ")}]`).join(" ");
    throw unimplemented(`could not select device driver "${request.Driver}" with capabilities: [${capabilities}]`);
  }
  if (storageOption !== undefined) {
    throw unimplemented("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
  if (host.Cgroup !== "")
    throw unimplemented("a cgroup shared with another container (HostConfig.Cgroup) is not supported");
  if (host.Isolation !== "" && host.Isolation !== "default") {
    throw invalid(`Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`);
  }
  if (shell !== null && shell.length > 0)
    throw unimplemented("a shell of the container's own (Shell) is not supported");
}

export function isKnownCheck([kind]: readonly string[]): boolean {
  return kind === undefined || ["NONE", "CMD", "CMD-SHELL"].includes(kind);
}

/** One of an unknown kind is none, as docker has it. */
function toHealthcheck(check: CreateBody["Healthcheck"]): CreateRequest["healthcheck"] {
  if (check === null || check === undefined || !isKnownCheck(check.Test)) return null;
  const { Test: test, Interval: interval, Timeout: timeout, Retries: retries } = check;
  return { test, interval, timeout, retries, startPeriod: check.StartPeriod, startInterval: check.StartInterval };
}

function toLog(config: HostConfigBody["LogConfig"]): LogChoice {
  const { Type: driver, Config: options } = config ?? { Type: "", Config: {} };
  if (driver === "" || driver === "local" || driver === "json-file" || driver === "none") return { driver, options };
  if (otherLogDrivers.includes(driver)) {
    throw unimplemented(`log driver ${driver} is not supported: want local, json-file or none`);
  }
  throw invalid(`logger: no log driver named '${driver}' is registered`);
}

/** `name:address`; a name has no colon, an IPv6 address may be in brackets. */
function parseExtraHost(text: string): CreateRequest["extraHosts"][number] {
  const [, name = "", address = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === "" || address === "") throw invalid(`bad format for add-host: ${JSON.stringify(text.slice(0, 300))}`);
  return { name, address: address.replace(/^\[(.*)\]$/, "$1") };
}

/** `container[:mode]`, mode `ro`, `rw`, and `z`, `Z` for SELinux. */
function parseVolumesFrom(text: string): string {
  const [container = "", mode = "", ...more] = text.split(":");
  const modes = mode === "" ? [] : mode.split(",");
  const areKnown = modes.every((one) => ["ro", "rw", "z", "Z"].includes(one));
  if (container === "" || !areKnown || more.length > 0) throw invalid(`invalid volumes-from specification: '${text}'`);
  return modes.includes("ro") ? `${container}:ro` : container;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}

function unimplemented(message: string): EngineError {
  return new EngineError("unimplemented", message);
}
