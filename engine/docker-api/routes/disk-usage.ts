import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { namesOfImages, toDockerSummary } from "../container-summary.ts";
import { formatImage } from "../image-list.ts";
import type { Route } from "../router.ts";
import { formatCache } from "./builds.ts";

const objectTypes = ["container", "image", "volume", "build-cache"];

export function diskUsageRoutes(parts: ServerParts): Route[] {
  return [{ method: "GET", path: "/system/df", handle: (call) => show(parts, call) }];
}

/** Of all types of objects, or of those that the client names. */
async function show(parts: ServerParts, call: ApiCall): Promise<void> {
  const asked = call.query.getAll("type");
  const unknown = asked.find((type) => !objectTypes.includes(type));
  if (unknown !== undefined) throw new ApiError(400, `unknown object type: ${unknown}`);
  const wants = (type: string) => asked.length === 0 || asked.includes(type);
  const [images, containers, volumes, caches] = await Promise.all([
    wants("image") ? imagesOf(parts, call.version) : null,
    wants("container") ? containersOf(parts) : null,
    wants("volume") ? volumesOf(parts) : null,
    wants("build-cache") ? parts.builds.usage() : null,
  ]);
  call.reply(200, {
    LayersSize: images?.size ?? 0,
    Images: images?.items ?? null,
    Containers: containers,
    Volumes: volumes,
    BuildCache: caches?.map((cache) => formatCache(cache, call.version)) ?? null,
    ...(call.version < 42 ? { BuilderSize: caches?.reduce((sum, { size }) => sum + size, 0) ?? 0 } : {}),
  });
}

async function imagesOf({ images }: ServerParts, version: number) {
  const { images: usage } = await images.diskUsage();
  const containers = new Map(usage.items.map((item) => [item.id, item.containers]));
  const items = images.list().map((image) => ({
    ...formatImage(image, { version, sharedSize: true }),
    Containers: containers.get(image.id) ?? 0,
  }));
  return { size: usage.size, items };
}

async function containersOf({ containers, images, networks }: ServerParts) {
  const { items } = await containers.diskUsage();
  const sizes = new Map(items.map(({ id, size }) => [id, size]));
  const ofImages = new Map(images.list().map(({ id, size }) => [id, size]));
  const now = Date.now();
  const imageOf = namesOfImages(images);
  return containers.list(true).map((container) => {
    const written = sizes.get(container.id) ?? 0;
    const size = { written, total: written + (ofImages.get(container.imageID) ?? 0) };
    return toDockerSummary(container, { image: imageOf(container), sandbox: networks.find(container.id), size, now });
  });
}

/** One that went meanwhile is left out. */
async function volumesOf({ volumes }: ServerParts) {
  const inspected = volumes.list().map(({ name }) => volumes.inspect(name, true).catch(() => null));
  return (await Promise.all(inspected)).filter((volume) => volume !== null);
}
