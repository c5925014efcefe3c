import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openBlobStore } from "../../engine/content/file-blob-store.ts";
import { openDatabase } from "../../engine/database/database.ts";
import { EventBus } from "../../engine/events/event-bus.ts";
import { Operations } from "../../engine/events/operations.ts";
import type { LongWork } from "../../engine/images/image-service.ts";
import { type ImageServiceOptions, openImageService } from "../../engine/images/local-image-service.ts";
import { openPolicy } from "../../engine/images/policy.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { openRegistryClient } from "../../engine/registry/distribution-client.ts";
import type { Patience } from "../../engine/registry/retry.ts";
import { imagesDirectory } from "./images-tar.ts";

type AlsoNeeded = NonNullable<ImageServiceOptions["alsoNeeded"]>;

export const quietWork: LongWork = {
  // A new one for each use.
  get signal() {
    return AbortSignal.timeout(50_000);
  },
  onProgress: () => {},
};

/** An image service with all its real parts in a directory of its own, or in one that is there already. */
export async function openImagesEngine(
  path?: string,
  patience: Partial<Patience> = {},
  openOthers: (parts: Pick<ImageServiceOptions, "database" | "layers">) => Promise<AlsoNeeded> = async () => () => [],
) {
  const own = path === undefined ? await imagesDirectory() : null;
  const root = path ?? own?.path ?? "";
  const database = openDatabase(join(root, "gantry.db"));
  const blobs = await openBlobStore(root);
  const layers = await openLayerStore({ root });
  const events = new EventBus();
  const operations = new Operations();
  const registries = openRegistryClient({
    settings: join(root, "settings"),
    environment: {},
    patience: { firstDelay: 5, tries: 3, ...patience },
  });
  const policy = openPolicy(join(root, "settings", "policy.json"));
  const images = await openImageService({
    ...{ database, blobs, layers, operations, events, registries, policy },
    alsoNeeded: await openOthers({ database, layers }),
  });
  return {
    root,
    database,
    blobs,
    layers,
    events,
    operations,
    registries,
    images,
    loadFile: (file: string) => images.load(createReadStream(file), quietWork),
    /** A container's row, as the containers service writes it. */
    useImage: (id: string, name: string) =>
      database
        .prepare("INSERT INTO containers VALUES (?, ?, ?, '2026-01-01T00:00:00Z', '{}', '{}')")
        .run(name.padEnd(64, "0"), name, id),
    async [Symbol.asyncDispose]() {
      await registries[Symbol.asyncDispose]();
      await layers[Symbol.asyncDispose]();
      database.close();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

export type ImagesEngine = Awaited<ReturnType<typeof openImagesEngine>>;

/** Everything the engine keeps on disk and in its tables, to see that nothing is left: sorted names and rows. */
export async function leftovers({ root, database, operations }: ImagesEngine): Promise<string[]> {
  const tables = [
    "images",
    "image_layers",
    "image_references",
    "image_digests",
    "leases",
    "lease_blobs",
    "lease_layers",
  ];
  const rows = tables.flatMap((table) => database.prepare(`SELECT * FROM ${table}`).all());
  const files = await filesOf(root);
  return [...files, ...rows.map((row) => JSON.stringify(row)), ...operations.list().map(({ title }) => title)].sort();
}

/** What is removed of layers, or was left of them by a crash, is deleted beside everything else: it gets a moment. */
async function filesOf(root: string): Promise<string[]> {
  const places = ["blobs/sha256", "blobs/ingest", "layers"];
  for (const deadline = Date.now() + 5_000; ; await setTimeout(10)) {
    const names = places.map(async (place) => (await readdir(join(root, place))).map((name) => `${place}/${name}`));
    const files = (await Promise.all(names)).flat();
    if (Date.now() > deadline || !files.some((name) => name.startsWith("layers/."))) return files;
  }
}
