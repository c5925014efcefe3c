import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { Dashboard } from "../../app/dashboard.ts";
import { shortID } from "../../format/ids.ts";
import type { PruneKind, PrunePreview, PruneRow } from "../../store/prune-view.ts";

export type PruneSource = {
  /** What would go now. */
  readonly preview: (dashboard: Dashboard, all: boolean) => Promise<PrunePreview>;
  /** Lets it go; `ids` are those of the preview. Says what went. */
  readonly run: (dashboard: Dashboard, all: boolean, ids: readonly string[]) => Promise<PrunePreview>;
  /** The same on the command line. */
  readonly twin: (all: boolean) => string;
};

async function images(dashboard: Dashboard, all: boolean, dryRun: boolean): Promise<PrunePreview> {
  const { removed, bytes } = await dashboard.client.request("images.prune", { all, until: null, labels: [], dryRun });
  const rows = removed.map(({ id, references: [name, ...others], createdAt, size }) =>
    row({ id, name: name ?? null, others: others.length, detail: shortID(id), createdAt, size }),
  );
  return { rows, bytes };
}

async function networks(dashboard: Dashboard, dryRun: boolean): Promise<PrunePreview> {
  const known = new Map(dashboard.mirror.get().networks.map((network) => [network.id, network]));
  const { removed } = await dashboard.client.request("networks.prune", { until: null, labels: [], dryRun });
  const rows = removed.map(({ id, name }) => {
    const { subnets = [], createdAt = "" } = known.get(id) ?? {};
    return row({ id, name, detail: subnets.map(({ subnet }) => subnet).join(" "), createdAt });
  });
  return { rows, bytes: null };
}

async function volumes(dashboard: Dashboard, all: boolean, dryRun: boolean): Promise<PrunePreview> {
  const known = new Map(dashboard.mirror.get().volumes.map((volume) => [volume.name, volume]));
  const { removed, bytes } = await dashboard.client.request("volumes.prune", { all, labels: [], dryRun });
  const rows = removed.map(({ name, size }) => {
    const { anonymous = false, createdAt = "" } = known.get(name) ?? {};
    return row({
      id: name,
      name: anonymous ? shortID(name) : name,
      detail: anonymous ? "anonymous" : "",
      createdAt,
      size,
    });
  });
  return { rows, bytes };
}

function isOver({ status }: ContainerSummary): boolean {
  return status === "created" || status === "exited" || status === "dead";
}

async function containers(dashboard: Dashboard): Promise<PrunePreview> {
  const over = dashboard.mirror.get().containers.filter(isOver);
  if (over.length === 0) return { rows: [], bytes: 0 };
  const usage = await dashboard.client.request("system.diskUsage", {});
  const sizes = new Map(usage.containers.items.map(({ id, size, logSize }) => [id, size + logSize]));
  const rows = over.map(({ id, name, image, createdAt }) =>
    row({ id, name, detail: image, createdAt, size: sizes.get(id) ?? 0 }),
  );
  return { rows, bytes: sum(rows) };
}

/** Those only that were shown, and that have not been started since. */
async function removeContainers(dashboard: Dashboard, ids: readonly string[]): Promise<PrunePreview> {
  const { rows } = await containers(dashboard);
  const gone: PruneRow[] = [];
  for (const one of rows.filter(({ id }) => ids.includes(id))) {
    await dashboard.client.request("containers.remove", { container: one.id, force: false, volumes: false });
    gone.push(one);
  }
  return { rows: gone, bytes: sum(gone) };
}

function sum(rows: readonly PruneRow[]): number {
  return rows.reduce((total, { size }) => total + (size ?? 0), 0);
}

function row(fields: Partial<PruneRow> & Pick<PruneRow, "id" | "name">): PruneRow {
  return { others: 0, detail: "", createdAt: "", size: null, ...fields };
}

export const pruneSources: Readonly<Record<PruneKind, PruneSource>> = {
  images: {
    preview: (dashboard, all) => images(dashboard, all, true),
    run: (dashboard, all) => images(dashboard, all, false),
    twin: (all) => (all ? "gantry image prune -a" : "gantry image prune"),
  },
  containers: {
    preview: containers,
    run: (dashboard, _all, ids) => removeContainers(dashboard, ids),
    twin: () => "gantry container prune",
  },
  networks: {
    preview: (dashboard) => networks(dashboard, true),
    run: (dashboard) => networks(dashboard, false),
    twin: () => "gantry network prune",
  },
  volumes: {
    preview: (dashboard, all) => volumes(dashboard, all, true),
    run: (dashboard, all) => volumes(dashboard, all, false),
    twin: (all) => (all ? "gantry volume prune -a" : "gantry volume prune"),
  },
};
