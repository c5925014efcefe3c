import type { NetworkService } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import { summarizeEndpoint } from "./container-networks.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";

/** The row of `gantry ps`: what the record says, and while it runs its place on the network. */
export function summarize(record: ContainerRecord, networks: Pick<NetworkService, "find">): ContainerSummary {
  const { request, resolution, state } = record;
  const sandbox = isAlive(state.status) ? networks.find(record.id) : null;
  return {
    id: record.id,
    name: record.name,
    image: request.image,
    imageID: record.imageID,
    command: resolution.args,
    createdAt: record.createdAt,
    startedAt: state.startedAt,
    finishedAt: state.finishedAt,
    status: state.status,
    health: "none",
    exitCode: isAlive(state.status) ? null : state.exitCode,
    oomKilled: state.oomKilled,
    stopDeadline: null,
    error: state.error,
    pid: state.pid,
    ports: [...(sandbox?.ports ?? [])],
    network: request.network,
    ipAddress: (sandbox?.primary ?? sandbox?.endpoints[0])?.ipAddress ?? null,
    endpoints: (sandbox?.endpoints ?? []).map(summarizeEndpoint),
    mounts: request.mounts.map(({ type, source, target, readOnly }) => ({ type, source, target, readOnly })),
    labels: resolution.labels,
    terminal: request.terminal,
    openStdin: request.openStdin,
    autoRemove: request.autoRemove,
    restartPolicy: request.restartPolicy,
    restartCount: state.restartCount,
    resources: request.resources,
  };
}
