import type { NetworkService } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import { type Resources, resources as resourcesSchema } from "../protocol/resources.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { summarizeEndpoints } from "./container-networks.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isActive, isAlive } from "./container-status.ts";
import type { ContainerTable } from "./container-table.ts";
import type { HealthMonitors } from "./health/health-monitors.ts";
import { summarizeMounts } from "./inspect-mounts.ts";
import type { Stopping } from "./stopping.ts";

/** What a summary says beside the record. */
export type SummarySources = {
  readonly networks: NetworkService;
  readonly health: Pick<HealthMonitors, "statusOf">;
  readonly stopping: Pick<Stopping, "deadlineOf">;
  readonly volumes: Pick<VolumeService, "pathOf">;
};

/** Summaries as they were made last: a list of many containers makes only those that have changed. */
export class Summaries {
  readonly #sources: SummarySources;
  readonly #made = new Map<string, { readonly record: ContainerRecord; readonly summary: ContainerSummary }>();

  constructor(sources: SummarySources, table: Pick<ContainerTable, "onTouch">) {
    this.#sources = sources;
    table.onTouch((id) => this.#made.delete(id));
  }

  of(record: ContainerRecord): ContainerSummary {
    const made = this.#made.get(record.id);
    if (made?.record === record) return made.summary;
    const summary = summarize(record, this.#sources);
    this.#made.set(record.id, { record, summary });
    return summary;
  }
}

/** The row of `gantry ps`: what the record says, and while it runs its place on the network. */
export function summarize(
  record: ContainerRecord,
  { networks, health, stopping, volumes }: SummarySources,
): ContainerSummary {
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
    health: isAlive(state.status) ? health.statusOf(record.id) : "none",
    exitCode: isAlive(state.status) ? null : state.exitCode,
    oomKilled: state.oomKilled,
    stopDeadline: isActive(state.status) ? stopping.deadlineOf(record.id) : null,
    error: state.error,
    ...(state.reason === "" ? {} : { reason: state.reason }),
    pid: state.pid,
    ports: [...(sandbox?.ports ?? [])],
    ...(resolution.exposedPorts.length === 0 ? {} : { exposedPorts: resolution.exposedPorts }),
    network: request.network,
    ipAddress: (sandbox?.primary ?? sandbox?.endpoints[0])?.ipAddress ?? null,
    endpoints: summarizeEndpoints({ networks }, record, sandbox),
    mounts: summarizeMounts(record, volumes),
    labels: resolution.labels,
    terminal: request.terminal,
    openStdin: request.openStdin,
    autoRemove: request.autoRemove,
    restartPolicy: request.restartPolicy,
    restartCount: state.restartCount,
    ...statedResources(request.resources),
  };
}

const filledIn = new Set(
  Object.entries(resourcesSchema.shape).flatMap(([name, field]) => (field._zod.def.type === "default" ? [name] : [])),
);

/** Without what the protocol fills in where it is absent: hardly a container has any of it, and a list is half as long. */
function statedResources(resources: Resources): Pick<ContainerSummary, "resources"> {
  const all = Object.entries(resources);
  if (!all.some(([, value]) => isStated(value))) return {} as Pick<ContainerSummary, "resources">;
  const stated = all.filter(([name, value]) => !filledIn.has(name) || isStated(value));
  return { resources: Object.fromEntries(stated) as Resources };
}

function isStated(value: unknown): boolean {
  return !(value === null || value === false || (Array.isArray(value) && value.length === 0));
}
