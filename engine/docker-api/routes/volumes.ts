import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { matchesLabels } from "../../lib/label-filter.ts";
import type { VolumeSummary } from "../../protocol/volumes.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { VolumeService } from "../../volumes/volume-service.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { type Filters, filterFlag } from "../filters.ts";
import { text, textMap } from "../go-json.ts";
import { matchesAnyName } from "../name-pattern.ts";
import { parsePruneFilters } from "../prune-filters.ts";
import type { Route } from "../router.ts";

const listFilters = ["dangling", "driver", "label", "name"];
/** Before it, all volumes without a container were pruned, not only those without a name. */
const anonymousPrune = 42;

const volumeBody = z.object({
  Name: text,
  Driver: text,
  DriverOpts: textMap,
  Labels: textMap,
  ClusterVolumeSpec: z.nullish(z.record(z.string(), z.unknown())),
});

export function volumeRoutes({ volumes }: ServerParts): Route[] {
  return [
    { method: "GET", path: "/volumes", handle: (call) => list(volumes, call) },
    { method: "GET", path: "/volumes/{name}", handle: (call) => inspect(volumes, call) },
    { method: "POST", path: "/volumes/create", handle: (call) => create(volumes, call) },
    { method: "POST", path: "/volumes/prune", handle: (call) => prune(volumes, call) },
    { method: "PUT", path: "/volumes/{name}", handle: refuseUpdate },
    { method: "DELETE", path: "/volumes/{name}", handle: (call) => remove(volumes, call) },
  ];
}

async function list(volumes: VolumeService, call: ApiCall): Promise<void> {
  const filters = call.filters(listFilters);
  const chosen = volumes.list().filter((volume) => passes(volume, filters));
  const inspected = await Promise.all(chosen.map(({ name }) => findInspected(volumes, name)));
  call.reply(200, { Volumes: inspected.flat(), Warnings: [] });
}

/** Nothing where it went meanwhile. */
async function findInspected(volumes: VolumeService, name: string): Promise<Record<string, unknown>[]> {
  try {
    return [await volumes.inspect(name, false)];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function passes(volume: VolumeSummary, filters: Filters): boolean {
  const dangling = filterFlag(filters, "dangling");
  const drivers = filters.get("driver");
  const names = filters.get("name");
  return (
    (dangling === null || dangling === (volume.usedBy.length === 0)) &&
    (drivers?.includes(volume.driver) ?? true) &&
    (names === undefined || matchesAnyName(names, volume.name)) &&
    matchesLabels(volume.labels, filters.get("label") ?? [])
  );
}

async function inspect(volumes: VolumeService, call: ApiCall): Promise<void> {
  call.reply(200, await volumes.inspect(call.param("name"), false));
}

async function create(volumes: VolumeService, call: ApiCall): Promise<void> {
  const body = await call.json(volumeBody);
  if (body.ClusterVolumeSpec) throw new ApiError(503, "This node is not a swarm manager", "unavailable");
  const driver = toDriver(body.Driver);
  const request = { name: body.Name, driver, options: body.DriverOpts, labels: body.Labels };
  const { name } = await volumes.create(request);
  call.reply(201, await volumes.inspect(name, false));
}

/** docker-compose takes this status for a mistake in its file. */
function toDriver(driver: string): string {
  if (["", "default", "local"].includes(driver)) return "local";
  const name = JSON.stringify(driver.slice(0, 80)).slice(1, -1);
  throw new ApiError(404, `error looking up volume plugin ${name}: plugin "${name}" not found`, "not-found");
}

async function remove(volumes: VolumeService, call: ApiCall): Promise<void> {
  await volumes.remove(call.param("name"), call.flag("force"));
  call.end(204);
}

async function prune(volumes: VolumeService, call: ApiCall): Promise<void> {
  const { labels, filters } = parsePruneFilters(call, ["all"]);
  const all = filterFlag(filters, "all") ?? call.version < anonymousPrune;
  const { removed, bytes } = await volumes.prune({ all, labels }, false);
  const names = removed.map(({ name }) => name);
  call.reply(200, { VolumesDeleted: names.length === 0 ? null : names, SpaceReclaimed: bytes });
}

function refuseUpdate(): never {
  throw new ApiError(503, "This node is not a swarm manager", "unavailable");
}

function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.code === "not-found";
}
