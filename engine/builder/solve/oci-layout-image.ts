import { spawn } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { decodeJson } from "../../lib/json.ts";
import type { ImageID } from "../../oci/digest.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import type { NamedContext } from "../../protocol/builds.ts";
import type { BaseImage } from "./base-images.ts";
import type { Build } from "./build.ts";
import { newWritableKey } from "./views.ts";

type Layout = Extract<NamedContext, { type: "oci-layout" }>;

/** Bytes of a layout's index. */
const indexLimit = 4 * 1024 * 1024;
const refName = "org.opencontainers.image.ref.name";

const index = z.looseObject({
  manifests: z.array(
    z.looseObject({
      digest: z.string(),
      annotations: z.optional(z.nullable(z.record(z.string(), z.string()))),
    }),
  ),
});
type Entry = z.infer<typeof index>["manifests"][number];

/**
 * Loads an image from a layout on the host as if it were an archive, but without its names: they are not the engine's. It is gone from the
 * images again when the build has ended.
 */
export async function resolveLayout(build: Build, layout: Layout): Promise<BaseImage> {
  const { log } = build;
  const stepID = log.plan({ stage: "", number: 0, total: 0, title: `load ${layout.path}`, line: 0 });
  log.begin(stepID);
  try {
    const image = await load(build, layout);
    log.end(stepID, { status: "done" });
    return image;
  } catch (error) {
    log.end(stepID, { status: "failed", error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

async function load(build: Build, { path, reference }: Layout): Promise<BaseImage> {
  const { parts, signal, scratch, stack } = build;
  const entry = await findEntry(path, reference);
  const own = join(scratch, newWritableKey());
  await mkdir(own, { mode: 0o700 });
  const { annotations: _names, ...descriptor } = entry;
  await writeFile(join(own, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
  await writeFile(join(own, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const before = new Set(parts.images.list().map(({ id }) => id));
  const loaded = await parts.images.load(tarOf({ path, own }, signal), { signal, onProgress: () => {} });
  const id = loaded[0]?.id;
  if (id === undefined) throw new EngineError("not-found", `there is no image in the OCI layout ${path}`);
  if (!before.has(id)) stack.defer(() => forget(build, id));
  const { chain } = parts.images.resolve(id);
  stack.use(await parts.layers.hold(chain));
  const imageConfig = parseImageConfig(await parts.blobs.read(id as ImageID), `image config ${id}`);
  return { id: id as ImageID, chain, imageConfig, reference: reference ?? path };
}

async function findEntry(path: string, reference: string | null): Promise<Entry> {
  const file = join(path, "index.json");
  const info = await stat(file).catch(() => null);
  if (info === null || !info.isFile() || info.size > indexLimit) {
    throw new EngineError("not-found", `${path} is no OCI layout: it has no index.json`);
  }
  const parsed = index.safeParse(decodeJson(await readFile(file), file));
  if (!parsed.success) throw new EngineError("corrupt", `${file} is no index of an OCI layout`);
  const { manifests } = parsed.data;
  const found = reference === null ? manifests[0] : manifests.find((entry) => bears(entry, reference));
  if (found !== undefined) return found;
  throw new EngineError("not-found", `no image ${reference ?? ""} in the OCI layout ${path}`.replace("  ", " "));
}

function bears({ digest, annotations }: Entry, reference: string): boolean {
  const name = annotations?.[refName];
  return digest === reference || name === reference || name?.endsWith(`:${reference}`) === true;
}

/** Unless it has got a name meanwhile, or is what the build has made. */
async function forget({ parts, outcome }: Build, id: string): Promise<void> {
  const image = parts.images.list().find((each) => each.id === id);
  const isWanted = image === undefined || image.references.length > 0 || image.containers.length > 0;
  if (isWanted || outcome.imageID === id) return;
  await parts.images.remove(id, false).catch(() => {});
}

/** The layout's blobs with an index of our own. */
async function* tarOf(
  { path, own }: { readonly path: string; readonly own: string },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const args = ["-c", "-C", own, "oci-layout", "index.json", "-C", path, "blobs"];
  const tar = spawn("tar", args, { stdio: ["ignore", "pipe", "ignore"], signal });
  const failed = new Promise<never>((_resolve, reject) => tar.once("error", reject));
  failed.catch(() => {});
  const ended = new Promise<number | null>((resolve) => tar.once("close", resolve));
  for await (const chunk of tar.stdout) yield chunk as Buffer;
  const code = await Promise.race([ended, failed]);
  if (code !== 0) throw new EngineError("not-found", `the OCI layout ${path} cannot be read`);
}
