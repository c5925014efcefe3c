import type { EngineConfig } from "../config.ts";
import type { NetworkService, Sandbox } from "../networks/network-service.ts";
import { mergeEnvironment } from "../runtime/spec/command.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { shownProfile } from "./container-isolation.ts";
import type { ContainerLogs } from "./container-logs.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord, ContainerState } from "./container-record.ts";
import type { Health } from "./health/health-rules.ts";
import { inspectHostConfig, keyOf } from "./inspect-host-config.ts";
import { anonymousTargets, inspectMountPoints } from "./inspect-mounts.ts";
import { inspectNetworks } from "./inspect-networks.ts";

/** docker's word for a time that has not come. */
const never = "0001-01-01T00:00:00Z";

export type InspectFacts = {
  readonly config: EngineConfig;
  readonly networks: Pick<NetworkService, "get">;
  readonly sandbox: Sandbox | null;
  readonly execIDs: readonly string[];
  readonly health: Health | null;
  readonly rootfs: string;
  readonly volumes: Pick<VolumeService, "pathOf">;
  /** `runc` or `crun` */
  readonly runtime: string;
  readonly logConfig: ReturnType<ContainerLogs["inspect"]>;
  /** Null where its output is kept nowhere. */
  readonly logPath: string | null;
  /** docker's text of each. */
  readonly links: readonly string[] | null;
};

/** docker's container inspect JSON (Engine API, ContainerInspectResponse). */
export function inspectContainer(record: ContainerRecord, facts: InspectFacts): Record<string, unknown> {
  const { request, resolution, state } = record;
  const paths = pathsOf(facts.config, record.id);
  const [path = "", ...args] = resolution.args;
  return {
    Id: record.id,
    Created: record.createdAt,
    Path: path,
    Args: args,
    State: { ...inspectState(state), ...(facts.health === null ? {} : { Health: inspectHealth(facts.health) }) },
    Image: record.imageID,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: facts.logPath ?? "",
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: shownProfile(facts, request),
    ExecIDs: facts.execIDs.length === 0 ? null : facts.execIDs,
    HostConfig: { ...inspectHostConfig(record, facts), ...request.kept?.hostConfig },
    GraphDriver: { Name: "overlay2", Data: { MergedDir: facts.rootfs } },
    Mounts: inspectMountPoints(record, facts.volumes, facts.config),
    Config: { ...inspectConfig(record), ...request.kept?.config },
    NetworkSettings: inspectNetworks(record, facts),
  };
}

function inspectState(state: ContainerState) {
  return {
    Status: state.status,
    Running: ["running", "paused", "restarting"].includes(state.status),
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: state.status === "dead",
    Pid: state.pid ?? 0,
    ExitCode: state.pid === null ? (state.exitCode ?? 0) : 0,
    Error: state.error,
    StartedAt: state.startedAt ?? never,
    FinishedAt: state.finishedAt ?? never,
  };
}

function inspectHealth({ status, failingStreak, log }: Health) {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** docker's `Config.Healthcheck`: what is 0 is left out. */
function inspectHealthcheck({ healthcheck }: ContainerRecord["resolution"]) {
  if (healthcheck === null || healthcheck === undefined) return {};
  const { test, interval, timeout, startPeriod, startInterval, retries } = healthcheck;
  const fields = {
    Interval: interval,
    Timeout: timeout,
    StartPeriod: startPeriod,
    StartInterval: startInterval,
    Retries: retries,
  };
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0));
  return { Healthcheck: { Test: test, ...given } };
}

/** docker's `Config`. */
export function inspectConfig({ request, resolution }: ContainerRecord) {
  const { entrypointLength, args } = resolution;
  const volumes = [...resolution.volumes, ...anonymousTargets(request)];
  return {
    Hostname: resolution.hostname,
    Domainname: request.domainname,
    User: resolution.user,
    AttachStdin: request.openStdin,
    AttachStdout: true,
    AttachStderr: true,
    ExposedPorts: Object.fromEntries(
      [...resolution.exposedPorts, ...resolution.ports.map(keyOf)].map((port) => [port, {}]),
    ),
    Tty: request.terminal,
    OpenStdin: request.openStdin,
    StdinOnce: request.stdinOnce,
    // docker keeps a name without a value, which takes a variable of the image away.
    Env: [
      ...mergeEnvironment(resolution.image.environment, request.environment),
      ...request.environment.filter((entry) => !entry.includes("=")),
    ],
    Cmd: args.slice(entrypointLength),
    ...inspectHealthcheck(resolution),
    Image: request.image,
    Volumes: volumes.length === 0 ? null : Object.fromEntries(volumes.map((path) => [path, {}])),
    WorkingDir: resolution.workingDirectory,
    Entrypoint: entrypointLength === 0 ? null : args.slice(0, entrypointLength),
    OnBuild: null,
    Labels: resolution.labels,
    StopSignal: resolution.stopSignal,
    ...(request.stopTimeout === undefined ? {} : { StopTimeout: request.stopTimeout }),
  };
}
