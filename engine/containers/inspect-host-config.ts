import { parseCapability } from "../host/capabilities.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import type { PortRequest } from "../protocol/ports.ts";
import type { DeviceValue } from "../protocol/resources.ts";
import { maskedPaths, readonlyPaths } from "../runtime/spec/build-spec.ts";
import type { ContainerLogs } from "./container-logs.ts";
import type { ContainerRecord } from "./container-record.ts";
import { inspectAskedMounts } from "./inspect-mounts.ts";

type Facts = {
  readonly runtime: string;
  readonly logConfig: ReturnType<ContainerLogs["inspect"]>;
  /** docker's text of each. */
  readonly links: readonly string[] | null;
};

/** HostConfig of docker's container inspect (Engine API): what was asked for, with the defaults that came of it. */
export function inspectHostConfig({ request, resolution }: ContainerRecord, { runtime, logConfig, links }: Facts) {
  return {
    ...inspectAskedMounts(request),
    ContainerIDFile: "",
    LogConfig: logConfig,
    NetworkMode: request.network,
    PortBindings: groupPorts(resolution.ports.map((port) => ({ ...port, hostPort: formatHostPort(port) }))),
    RestartPolicy: {
      Name: request.restartPolicy.name,
      MaximumRetryCount: request.restartPolicy.maximumRetryCount,
    },
    AutoRemove: request.autoRemove,
    VolumeDriver: "",
    VolumesFrom: listOrNull(request.volumesFrom),
    ConsoleSize: [0, 0],
    CapAdd: capabilitiesOf(request.capAdd),
    CapDrop: capabilitiesOf(request.capDrop),
    CgroupnsMode: request.cgroupnsMode || "private",
    Dns: request.dns,
    DnsOptions: request.dnsOptions,
    DnsSearch: request.dnsSearch,
    ExtraHosts: listOrNull(request.extraHosts.map(({ name, address }) => `${name}:${address}`)),
    GroupAdd: listOrNull(request.groupAdd),
    IpcMode: request.ipcMode || "private",
    Cgroup: "",
    Links: links,
    OomScoreAdj: request.oomScoreAdj ?? 0,
    PidMode: request.pidMode,
    Privileged: request.privileged,
    PublishAllPorts: request.publishAll,
    ReadonlyRootfs: request.readOnlyRootfs,
    SecurityOpt: listOrNull(securityOptions(request)),
    UTSMode: request.utsMode,
    UsernsMode: request.usernsMode,
    ShmSize: request.shmSize ?? 64 * 1024 * 1024,
    Sysctls: request.sysctls,
    Runtime: request.runtime || runtime,
    Isolation: "",
    ...inspectResources(request),
    Ulimits: request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Devices: request.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: listOrNull(request.deviceCgroupRules),
    DeviceRequests: null,
    Init: request.init,
    ...(Object.keys(request.annotations).length === 0 ? {} : { Annotations: request.annotations }),
    ...inspectPaths(request),
  };
}

/** docker: null for a privileged one, an empty list for `systempaths=unconfined`. */
function inspectPaths({ privileged, unmaskedPaths }: CreateRequest) {
  if (privileged) return { MaskedPaths: null, ReadonlyPaths: null };
  return unmaskedPaths
    ? { MaskedPaths: [], ReadonlyPaths: [] }
    : { MaskedPaths: maskedPaths, ReadonlyPaths: readonlyPaths };
}

function inspectResources({ resources, cgroupParent }: CreateRequest) {
  const memory = resources.memory ?? 0;
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: memory,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: cgroupParent,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: resources.blkioWeightDevice.map(({ path, value }) => ({ Path: path, Weight: value })),
    BlkioDeviceReadBps: resources.blkioDeviceReadBps.map(inspectRate),
    BlkioDeviceWriteBps: resources.blkioDeviceWriteBps.map(inspectRate),
    BlkioDeviceReadIOps: resources.blkioDeviceReadIOps.map(inspectRate),
    BlkioDeviceWriteIOps: resources.blkioDeviceWriteIOps.map(inspectRate),
    CpuPeriod: resources.cpuPeriod ?? 0,
    CpuQuota: resources.cpuQuota ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntime ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    CpusetMems: resources.cpusetMems ?? "",
    MemoryReservation: resources.memoryReservation ?? 0,
    // As much swap as memory, where nothing was said of it.
    MemorySwap: resources.memorySwap ?? 2 * memory,
    MemorySwappiness: resources.memorySwappiness,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function inspectRate({ path, value }: DeviceValue) {
  return { Path: path, Rate: value };
}

function capabilitiesOf(names: readonly string[]): readonly string[] | null {
  return listOrNull(names.map((name) => (/^(cap_)?all$/i.test(name.trim()) ? "ALL" : parseCapability(name))));
}

function securityOptions(request: CreateRequest): string[] {
  const options = request.noNewPrivileges ? ["no-new-privileges"] : [];
  if (request.seccomp.kind === "unconfined") options.push("seccomp=unconfined");
  if (request.seccomp.kind === "custom") options.push(`seccomp=${request.seccomp.profile}`);
  if (request.apparmor !== "") options.push(`apparmor=${request.apparmor}`);
  return options;
}

/** docker prints null for a list that was not asked for. */
function listOrNull<Item>(list: readonly Item[]): readonly Item[] | null {
  return list.length === 0 ? null : list;
}

/** `8080`, `8080-8090`, or empty for any. */
function formatHostPort({ hostPort, hostPortLast }: PortRequest): string {
  if (hostPort === null) return "";
  return hostPortLast === undefined ? String(hostPort) : `${hostPort}-${hostPortLast}`;
}

/** `80/tcp` */
export function keyOf(port: { readonly containerPort: number; readonly protocol: string }): string {
  return `${port.containerPort}/${port.protocol}`;
}

type Binding = {
  readonly hostAddress: string;
  readonly hostPort: string;
  readonly containerPort: number;
  readonly protocol: string;
};

/** Bindings by the port of the container, docker's PortMap. */
export function groupPorts(ports: readonly Binding[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const grouped: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const bindings = grouped[keyOf(port)] ?? [];
    bindings.push({ HostIp: port.hostAddress, HostPort: port.hostPort });
    grouped[keyOf(port)] = bindings;
  }
  return grouped;
}
