import type { EngineConfig } from "../config.ts";
import type { Endpoint } from "../networks/network-service.ts";
import type { PortBinding } from "../protocol/containers.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord, ContainerState } from "./container-record.ts";

/** docker's word for a time that has not come. */
const never = "0001-01-01T00:00:00Z";

export type InspectFacts = {
  readonly config: EngineConfig;
  readonly endpoint: Endpoint | null;
  readonly execIDs: readonly string[];
  readonly rootfs: string;
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
    State: inspectState(state),
    Image: record.imageID,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: paths.log,
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: facts.execIDs.length === 0 ? null : facts.execIDs,
    HostConfig: inspectHostConfig(record),
    GraphDriver: { Name: "overlay2", Data: { MergedDir: facts.rootfs } },
    Mounts: request.mounts.map((mount) => ({
      Type: mount.type,
      Source: mount.source,
      Destination: mount.target,
      Mode: mount.options.join(","),
      RW: !mount.readOnly,
      Propagation: mount.propagation ?? (mount.type === "bind" ? "rprivate" : ""),
    })),
    Config: inspectConfig(record),
    NetworkSettings: inspectNetwork(record, facts.endpoint),
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

function inspectConfig({ request, resolution }: ContainerRecord) {
  const { entrypointLength, args } = resolution;
  return {
    Hostname: resolution.hostname,
    Domainname: "",
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
    Env: resolution.environment,
    Cmd: args.slice(entrypointLength),
    Image: request.image,
    Volumes: resolution.volumes.length === 0 ? null : Object.fromEntries(resolution.volumes.map((path) => [path, {}])),
    WorkingDir: resolution.workingDirectory,
    Entrypoint: entrypointLength === 0 ? null : args.slice(0, entrypointLength),
    Labels: resolution.labels,
    StopSignal: resolution.stopSignal,
    ...(request.stopTimeout === undefined ? {} : { StopTimeout: request.stopTimeout }),
  };
}

function inspectHostConfig({ request, resolution }: ContainerRecord) {
  const { resources, restartPolicy } = request;
  return {
    Binds: request.mounts
      .filter(({ type }) => type === "bind")
      .map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ":ro" : ""}`),
    LogConfig: { Type: "k8s-file", Config: {} },
    NetworkMode: request.network,
    PortBindings: groupPorts(
      resolution.ports.map((port) => [
        keyOf(port),
        port.hostAddress,
        port.hostPort === null ? "" : String(port.hostPort),
      ]),
    ),
    RestartPolicy: { Name: restartPolicy.name, MaximumRetryCount: restartPolicy.maximumRetryCount },
    AutoRemove: request.autoRemove,
    CapAdd: request.capAdd,
    CapDrop: request.capDrop,
    Dns: request.dns,
    DnsOptions: request.dnsOptions,
    DnsSearch: request.dnsSearch,
    ExtraHosts: request.extraHosts.map(({ name, address }) => `${name}:${address}`),
    GroupAdd: request.groupAdd,
    Init: request.init,
    OomScoreAdj: request.oomScoreAdj ?? 0,
    Privileged: request.privileged,
    PublishAllPorts: request.publishAll,
    ReadonlyRootfs: request.readOnlyRootfs,
    SecurityOpt: securityOptions(request),
    ShmSize: request.shmSize ?? 64 * 1024 * 1024,
    Sysctls: request.sysctls,
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memory ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    MemoryReservation: resources.memoryReservation ?? 0,
    MemorySwap: resources.memorySwap ?? 0,
    PidsLimit: resources.pidsLimit,
    Ulimits: request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Devices: request.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
  };
}

function securityOptions(request: ContainerRecord["request"]): string[] {
  const options = request.noNewPrivileges ? ["no-new-privileges"] : [];
  if (request.seccomp.kind === "unconfined") options.push("seccomp=unconfined");
  if (request.seccomp.kind === "custom") options.push(`seccomp=${request.seccomp.profile}`);
  return options;
}

function inspectNetwork({ id, request }: ContainerRecord, endpoint: Endpoint | null) {
  const network = {
    NetworkID: request.network,
    EndpointID: endpoint === null ? "" : id,
    Gateway: endpoint?.gateway ?? "",
    IPAddress: endpoint?.ipAddress ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    MacAddress: endpoint?.macAddress ?? "",
  };
  const ports = endpoint?.ports ?? [];
  return {
    SandboxKey: endpoint?.netnsPath ?? "",
    Ports: groupPorts(ports.map((port: PortBinding) => [keyOf(port), port.hostAddress, String(port.hostPort)])),
    Gateway: network.Gateway,
    IPAddress: network.IPAddress,
    IPPrefixLen: network.IPPrefixLen,
    MacAddress: network.MacAddress,
    Networks: { [request.network]: network },
  };
}

function keyOf(port: { readonly containerPort: number; readonly protocol: string }): string {
  return `${port.containerPort}/${port.protocol}`;
}

function groupPorts(ports: readonly (readonly [key: string, hostIP: string, hostPort: string])[]) {
  const grouped: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const [key, HostIp, HostPort] of ports) {
    const bindings = grouped[key] ?? [];
    bindings.push({ HostIp, HostPort });
    grouped[key] = bindings;
  }
  return grouped;
}
