import { EngineError } from "../../errors.ts";
import type { ImageService } from "../../images/image-service.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { commitBody } from "../commit-body.ts";
import { type Filters, filterFlag } from "../filters.ts";
import { formatInspected } from "../image-inspect.ts";
import { filterImages, formatImage, imageFilters, type Span } from "../image-list.ts";
import { namingImage, newNameOf } from "../image-names.ts";
import { requirePlatform } from "../image-platform.ts";
import { parsePruneFilters, untilOf } from "../prune-filters.ts";
import { registryAuthOf } from "../registry-auth.ts";
import type { Route } from "../router.ts";

/** Images that are here, and the search for others. */
export function imageRoutes(parts: ServerParts): Route[] {
  const { images } = parts;
  return [
    { method: "GET", path: "/images/json", handle: (call) => list(images, call) },
    { method: "GET", path: "/images/search", handle: (call) => search(parts, call) },
    { method: "GET", path: "/images/{name...}/json", handle: (call) => inspect(images, call) },
    { method: "GET", path: "/images/{name...}/history", handle: (call) => history(images, call) },
    { method: "POST", path: "/images/prune", handle: (call) => prune(images, call) },
    { method: "POST", path: "/images/{name...}/tag", handle: (call) => tag(images, call) },
    { method: "DELETE", path: "/images/{name...}", handle: (call) => remove(images, call) },
    { method: "POST", path: "/commit", handle: (call) => commit(parts, call) },
  ];
}

/** From this version on the name that images are to bear is a filter. */
const nameFilter = 41;

async function list(images: ImageService, call: ApiCall): Promise<void> {
  const known = call.filters(imageFilters);
  const name = call.version < nameFilter ? call.text("filter") : "";
  const filters = name === "" ? known : new Map([...known, ["reference", [...(known.get("reference") ?? []), name]]]);
  const options = { version: call.version, sharedSize: call.flag("shared-size") };
  const chosen = filterImages(images.list(), filters, await spanOf(images, filters));
  call.reply(
    200,
    chosen.map((image) => formatImage(image, options)),
  );
}

/** `since` and `before` name images; of several the narrowest counts. */
async function spanOf(images: ImageService, filters: Filters): Promise<Span> {
  const after = await momentsOf(images, filters.get("since") ?? []);
  const before = await momentsOf(images, filters.get("before") ?? []);
  const until = untilOf(filters);
  if (until !== null) before.push(Date.parse(until));
  return {
    after: after.length === 0 ? null : Math.max(...after),
    before: before.length === 0 ? null : Math.min(...before),
  };
}

async function momentsOf(images: ImageService, names: readonly string[]): Promise<number[]> {
  const moments: number[] = [];
  for (const name of names) {
    const { id } = await namingImage(name, () => images.resolve(name));
    moments.push(Date.parse(images.list().find((image) => image.id === id)?.createdAt ?? ""));
  }
  return moments;
}

async function inspect(images: ImageService, call: ApiCall): Promise<void> {
  const name = call.param("name");
  const inspected = await namingImage(name, () => images.inspect(name));
  await requirePlatform(images, name, call);
  const [last] = await images.history(name);
  call.reply(200, formatInspected(inspected, { version: call.version, createdBy: last?.createdBy ?? "" }));
}

async function history(images: ImageService, call: ApiCall): Promise<void> {
  const name = call.param("name");
  const entries = await namingImage(name, () => images.history(name));
  await requirePlatform(images, name, call);
  const { id } = images.resolve(name);
  call.reply(
    200,
    entries.map(({ createdAt, createdBy, comment, size, references }, index) => ({
      Comment: comment,
      Created: Math.floor(Date.parse(createdAt) / 1000),
      CreatedBy: createdBy,
      // Steps have no images of their own.
      Id: index === 0 ? id : "<missing>",
      Size: size,
      Tags: references.length === 0 ? null : references,
    })),
  );
}

async function tag(images: ImageService, call: ApiCall): Promise<void> {
  const name = call.param("name");
  const reference = newNameOf(call.text("repo"), call.text("tag"));
  if (reference === null) throw new EngineError("invalid-argument", "repository name must have at least one component");
  await namingImage(name, () => images.tag(name, reference));
  call.end(201);
}

/** noprune: images here have no parents that could go with them. */
async function remove(images: ImageService, call: ApiCall): Promise<void> {
  const name = call.param("name");
  await namingImage(name, () => requirePlatform(images, name, call));
  const { untagged, deleted } = await namingImage(name, () => images.remove(name, call.flag("force")));
  call.reply(200, [...untagged.map((Untagged) => ({ Untagged })), ...deleted.map((Deleted) => ({ Deleted }))]);
}

async function prune(images: ImageService, call: ApiCall): Promise<void> {
  const { until, labels, filters } = parsePruneFilters(call, ["until", "dangling"]);
  const all = filterFlag(filters, "dangling") === false;
  const { removed, bytes } = await images.prune({ all, until, labels }, false);
  const deleted = removed.flatMap(({ id, references }) => [
    ...references.map((Untagged) => ({ Untagged })),
    { Deleted: id },
  ]);
  call.reply(200, { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes });
}

const searchFilters = ["is-automated", "is-official", "stars"];
const usualResults = 25;
const mostResults = 100;

async function search({ registries }: ServerParts, call: ApiCall): Promise<void> {
  const filters = call.filters(searchFilters);
  const limit = call.integer("limit") || usualResults;
  if (limit < 1 || limit > mostResults) {
    throw new EngineError("invalid-argument", `limit ${limit} is outside the range of [1, ${mostResults}]`);
  }
  const isOfficial = filterFlag(filters, "is-official");
  const stars = Math.max(0, ...(filters.get("stars") ?? []).map(starsOf));
  // Nobody builds automatically any more.
  const isNone = filterFlag(filters, "is-automated") === true;
  const found = await registries.search(call.text("term"), limit, registryAuthOf(call), call.signal);
  const fitting = found.filter(
    (one) => !isNone && one.stars >= stars && (isOfficial === null || one.isOfficial === isOfficial),
  );
  call.reply(
    200,
    fitting.map((one) => ({
      star_count: one.stars,
      is_official: one.isOfficial,
      name: one.name,
      is_automated: false,
      description: one.description,
    })),
  );
}

function starsOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new EngineError("invalid-argument", `invalid filter 'stars=${text.slice(0, 80)}'`);
}

async function commit({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const reference = newNameOf(call.text("repo"), call.text("tag"));
  const config = await call.json(commitBody, { optional: true });
  const { id } = await containers.archives.commit(
    call.text("container"),
    {
      reference,
      author: call.text("author"),
      message: call.text("comment"),
      changes: call.query.getAll("changes").flatMap((lines) => lines.split("\n").filter((line) => line.trim() !== "")),
      pause: call.flag("pause", true),
      config: config ?? {},
    },
    { signal: call.signal, onProgress: () => {} },
  );
  call.reply(201, { Id: id });
}
