import { EngineError } from "../../errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { asksForAll, containerFilters, filterContainers } from "../container-filters.ts";
import { namesOfImages, toDockerSummary } from "../container-summary.ts";
import { createBody } from "../create/create-body.ts";
import { keptFields } from "../create/kept-fields.ts";
import { checkPlatform } from "../create/platform.ts";
import { toCreateRequest } from "../create/to-create-request.ts";
import { namingImage } from "../image-names.ts";
import { nameConflict } from "../name-conflict.ts";
import { parsePruneFilters } from "../prune-filters.ts";
import type { Route } from "../router.ts";
import { sendChanges } from "../send-changes.ts";

export function containerRoutes(parts: ServerParts): Route[] {
  return [
    { method: "GET", path: "/containers/json", handle: (call) => list(parts, call) },
    { method: "POST", path: "/containers/create", handle: (call) => create(parts, call) },
    { method: "POST", path: "/containers/prune", handle: (call) => prune(parts, call) },
    { method: "GET", path: "/containers/{id}/json", handle: (call) => inspect(parts, call) },
    { method: "GET", path: "/containers/{id}/top", handle: (call) => top(parts, call) },
    { method: "GET", path: "/containers/{id}/changes", handle: (call) => sendChanges(parts.containers, call) },
    { method: "DELETE", path: "/containers/{id}", handle: (call) => remove(parts, call) },
    { method: "DELETE", path: "/containers/{id}/{alias}", handle: (call) => removeLink(parts, call) },
  ];
}

async function list(parts: ServerParts, call: ApiCall): Promise<void> {
  const { containers, networks } = parts;
  const filters = call.filters(containerFilters);
  const limit = call.integer("limit") ?? 0;
  const chosen = filterContainers(
    containers.list(call.flag("all") || limit > 0 || asksForAll(filters)),
    filters,
    parts,
  );
  const shown = limit > 0 ? chosen.slice(0, limit) : chosen;
  const sizes = call.flag("size") ? await sizesOf(parts) : null;
  const now = Date.now();
  const imageOf = namesOfImages(parts.images);
  call.reply(
    200,
    shown.map((container) =>
      toDockerSummary(container, {
        image: imageOf(container),
        sandbox: container.pid === null ? null : networks.find(container.id),
        size: sizes?.(container) ?? null,
        now,
      }),
    ),
  );
}

/** Bytes of writable layers, and with the images below them. */
async function sizesOf({ containers, images }: ServerParts) {
  const { items } = await containers.diskUsage();
  const written = new Map(items.map(({ id, size }) => [id, size]));
  const ofImages = new Map(images.list().map(({ id, size }) => [id, size]));
  return ({ id, imageID }: { readonly id: string; readonly imageID: string }) => {
    const own = written.get(id) ?? 0;
    return { written: own, total: own + (ofImages.get(imageID) ?? 0) };
  };
}

async function create({ containers, images }: ServerParts, call: ApiCall): Promise<void> {
  const body = await call.json(createBody);
  if (body.Image === "")
    throw new EngineError("invalid-argument", "config cannot be empty in order to create a container");
  const image = await namingImage(body.Image, () => images.resolve(body.Image));
  await checkPlatform(call.text("platform"), { image: body.Image, inspect: () => images.inspect(image.id) });
  const request = {
    ...toCreateRequest(call.text("name"), body, () => image.config.command),
    ...keptFields(body, call.version),
  };
  try {
    const { id, warnings } = await containers.create(request, { networksMayCome: true });
    call.reply(201, { Id: id, Warnings: warnings });
  } catch (error) {
    throw refusalOf(nameConflict(error, { containers, name: request.name ?? "" }));
  }
}

/** docker's command line takes any 404 for an image that it has to pull, so that only a missing image may give it. */
function refusalOf(error: unknown): unknown {
  return error instanceof EngineError && error.code === "not-found"
    ? new ApiError(400, error.message, error.code)
    : error;
}

async function inspect({ containers, images }: ServerParts, call: ApiCall): Promise<void> {
  const container = call.param("id");
  const found = await containers.inspect(container);
  if (!call.flag("size")) return call.reply(200, found);
  const { writable, imageID } = await containers.layersOf(container);
  const written = writable?.size ?? 0;
  const ofImage = images.list().find(({ id }) => id === imageID)?.size ?? 0;
  call.reply(200, { ...found, SizeRw: written, SizeRootFs: written + ofImage });
}

async function top({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const words = call.text("ps_args").split(/\s+/);
  const { titles, processes } = await containers.top(
    call.param("id"),
    words.filter((word) => word !== ""),
  );
  call.reply(200, { Titles: titles, Processes: processes });
}

async function remove({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const container = call.param("id");
  if (call.flag("link")) {
    throw new EngineError("failed-precondition", "Conflict, cannot remove the default link name of the container");
  }
  const { id, name, status } = containers.get(container);
  const force = call.flag("force");
  if (!force && (status === "running" || status === "paused" || status === "restarting")) {
    const advice =
      status === "paused"
        ? "unpause and then stop the container before removing or force remove"
        : "stop the container before removing or force remove";
    throw new ApiError(
      409,
      `cannot remove container "/${name}": container is ${status}: ${advice}`,
      "failed-precondition",
    );
  }
  await containers.remove(id, { force, volumes: call.flag("v") });
  call.end(204);
}

/** `docker rm --link container/alias`. */
async function removeLink({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const [container, alias] = [call.param("id"), call.param("alias")];
  if (!call.flag("link")) throw new EngineError("not-found", `No such container: ${container}/${alias}`);
  await containers.removeLink(container, alias);
  call.end(204);
}

async function prune({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const { until, labels } = parsePruneFilters(call);
  const { removed, bytes } = await containers.prune({ until, labels, dryRun: false });
  call.reply(200, {
    ContainersDeleted: removed.length === 0 ? null : removed.map(({ id }) => id),
    SpaceReclaimed: bytes,
  });
}
