import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import type { ImageSummary } from "../../engine/protocol/images.ts";
import type { LogLine } from "../../engine/protocol/logs.ts";
import type { NetworkSummary } from "../../engine/protocol/networks.ts";
import type { Operation } from "../../engine/protocol/state.ts";
import type { StatsSample } from "../../engine/protocol/stats.ts";
import type { VolumeSummary } from "../../engine/protocol/volumes.ts";

/** Values as the engine sends them, for tests of what is made of them. */
export function aContainer(fields: Partial<ContainerSummary> = {}): ContainerSummary {
  return {
    id: "c1",
    name: "web-1",
    image: "nginx",
    imageID: "sha256:abc",
    command: ["nginx"],
    createdAt: "2026-11-22T00:00:00Z",
    startedAt: "2026-11-22T00:00:00Z",
    finishedAt: null,
    status: "running",
    health: "none",
    exitCode: null,
    oomKilled: false,
    stopDeadline: null,
    error: "",
    pid: 1,
    ports: [],
    network: "bridge",
    ipAddress: null,
    endpoints: [],
    mounts: [],
    labels: {},
    terminal: false,
    openStdin: false,
    autoRemove: false,
    restartPolicy: { name: "no", maximumRetryCount: 0 },
    restartCount: 0,
    resources: unlimited,
    ...fields,
  };
}

export function anImage(fields: Partial<ImageSummary> = {}): ImageSummary {
  return {
    id: "sha256:0123456789abcdef",
    references: ["nginx:latest"],
    createdAt: "2026-11-20T00:00:00Z",
    size: 1000,
    sharedSize: 0,
    layerCount: 2,
    containers: [],
    labels: {},
    architecture: "amd64",
    os: "linux",
    command: [],
    exposedPorts: [],
    digests: [],
    ...fields,
  };
}

export function anOperation(fields: Partial<Operation> = {}): Operation {
  const startedAt = "2026-11-22T00:00:00Z";
  return {
    id: "o1",
    kind: "pull",
    title: "pull nginx:latest",
    startedAt,
    isCancellable: true,
    progress: null,
    ...fields,
  };
}

export function aSample(fields: { container?: string; time?: number; cpu?: number; used?: number } = {}): StatsSample {
  return {
    container: fields.container ?? "c1",
    time: fields.time ?? 0,
    cpu: {
      percent: fields.cpu ?? 50,
      percentOfLimit: (fields.cpu ?? 50) / 2,
      total: 0,
      throttledPercent: null,
      cores: 2,
    },
    memory: { used: fields.used ?? 1024 ** 2, cache: 0, limit: 4 * 1024 ** 2, limited: true, oomKills: 0 },
    network: { receivedBytes: 0, sentBytes: 0, receiveRate: 0, sendRate: 0 },
    blockIO: { readBytes: 0, writtenBytes: 0, readRate: 0, writeRate: 0 },
    pids: 1,
    pidsLimit: null,
  };
}

export function aLine(offset: number, fields: Partial<LogLine> = {}): LogLine {
  const time = `2026-11-22T00:00:00.${String(offset).padStart(9, "0")}Z`;
  return { container: "c1", time, stream: "stdout", text: `line ${offset}`, offset, ...fields };
}

export function anEndpoint(
  fields: Partial<ContainerSummary["endpoints"][number]> = {},
): ContainerSummary["endpoints"][number] {
  return {
    networkID: "n1",
    network: "front",
    ipAddress: "10.5.0.2",
    ipv6Address: null,
    macAddress: null,
    aliases: ["www"],
    ...fields,
  };
}

export function aNetwork(fields: Partial<NetworkSummary> = {}): NetworkSummary {
  return {
    id: "n1",
    name: "front",
    driver: "bridge",
    createdAt: "2026-11-20T00:00:00Z",
    internal: false,
    enableIPv6: false,
    subnets: [{ subnet: "10.5.0.0/24", gateway: "10.5.0.1", ipRange: "" }],
    labels: {},
    options: {},
    interfaceName: "br-front",
    mtu: 1500,
    containers: [],
    ...fields,
  };
}

export function aVolume(fields: Partial<VolumeSummary> = {}): VolumeSummary {
  return {
    name: "data",
    driver: "local",
    mountpoint: "/v/data/_data",
    createdAt: "2026-11-20T00:00:00Z",
    labels: {},
    options: {},
    anonymous: false,
    usedBy: [],
    size: 1e6,
    ...fields,
  };
}

export function anEvent(fields: Partial<EngineEvent> = {}): EngineEvent {
  return {
    timeNano: "1795305600000000000",
    type: "container",
    action: "start",
    id: "0123456789abcdef",
    attributes: { name: "web" },
    ...fields,
  };
}
