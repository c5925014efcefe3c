import { EngineError } from "../../errors.ts";
import type { ImageService, LongWork } from "../../images/image-service.ts";
import { familiarName, familiarReference, parseReference } from "../../oci/reference.ts";
import type { LoadedImage } from "../../protocol/images.ts";
import type { Progress } from "../../protocol/rpc.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { byteOutput } from "../byte-output.ts";
import { isNoSuchImage, namingImage, newNameOf, pulledNameOf } from "../image-names.ts";
import { requireHostPlatform, requirePlatform } from "../image-platform.ts";
import { JsonLines } from "../json-lines.ts";
import { registryAuthOf } from "../registry-auth.ts";
import type { Route } from "../router.ts";
import { PullLines, PushLines, progressLine } from "../transfer-lines.ts";
import { withUpload } from "../upload-body.ts";
import { openUrlArchive } from "../url-archive.ts";

/** The ways by which images come and go. */
export function imageTransferRoutes({ images }: ServerParts): Route[] {
  return [
    { method: "POST", path: "/images/create", handle: (call) => create(images, call) },
    { method: "POST", path: "/images/load", handle: (call) => load(images, call) },
    { method: "POST", path: "/images/{name...}/push", handle: (call) => push(images, call) },
    { method: "GET", path: "/images/get", handle: (call) => save(images, call, call.query.getAll("names")) },
    { method: "GET", path: "/images/{name...}/get", handle: (call) => save(images, call, [call.param("name")]) },
  ];
}

async function create(images: ImageService, call: ApiCall): Promise<void> {
  if (call.text("fromImage") !== "") return await pull(images, call);
  if (call.text("fromSrc") === "") throw new EngineError("invalid-argument", "neither fromImage nor fromSrc is given");
  await importImage(images, call);
}

async function pull(images: ImageService, call: ApiCall): Promise<void> {
  const { reference, allTags } = pulledNameOf(call.text("fromImage"), call.text("tag"));
  const name = parseReference(reference);
  const lines = new JsonLines(call);
  const progress = new PullLines(lines);
  const platform = call.text("platform") || null;
  const request = { reference, allTags, platform, credentials: registryAuthOf(call), verifyKeys: [] };
  try {
    const pulled = await images.pull(
      request,
      workOf(call, (step) => progress.show(step)),
    );
    progress.end(pulled, allTags ? familiarName(name) : familiarReference(name));
  } catch (error) {
    const told = inDockersWords(error, familiarReference(name), familiarName(name));
    if (!lines.isBegun) throw told;
    lines.fail(told);
  }
}

/** Clients look at these words, and at the status 404 with them. */
function inDockersWords(error: unknown, name: string, repository: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const reason = error.cause instanceof EngineError ? error.cause.message : error.message;
  if (error.code === "not-found") {
    return new ApiError(404, `manifest for ${name} not found: ${reason}`, "not-found");
  }
  // A policy's refusal says so itself.
  if (error.code !== "unauthenticated") return error;
  const message = `pull access denied for ${repository}, repository does not exist or may require 'docker login'`;
  return new ApiError(404, `${message}: ${reason}`, "not-found");
}

async function importImage(images: ImageService, call: ApiCall): Promise<void> {
  const source = call.text("fromSrc");
  if (source === "-") return await withUpload(call, (body) => importFrom(images, call, body));
  const { url, bytes } = await openUrlArchive(source, call.signal);
  const lines = new JsonLines(call);
  lines.send({ status: `Downloading from ${url}` });
  try {
    await importFrom(images, call, bytes, `Imported from ${url}`);
  } catch (error) {
    lines.fail(error);
  }
}

async function importFrom(
  images: ImageService,
  call: ApiCall,
  rootfs: AsyncIterable<Uint8Array>,
  message = "",
): Promise<void> {
  const options = {
    reference: newNameOf(call.text("repo"), call.text("tag")),
    changes: call.query.getAll("changes"),
    message: call.text("message") || message,
    platform: call.text("platform") || undefined,
  };
  const work = workOf(call, () => {});
  const { id } = await images.import(rootfs, options, work);
  const lines = new JsonLines(call);
  lines.send({ status: id });
  lines.end();
}

/** A failure is told within a good answer, as docker does. */
async function load(images: ImageService, call: ApiCall): Promise<void> {
  const lines = new JsonLines(call);
  const isQuiet = call.flag("quiet");
  const show = ({ phase, object, ...amount }: Progress) => {
    if (!isQuiet && phase === "unpacking") lines.offer(progressLine("Loading layer", { id: object, ...amount }));
  };
  await withUpload(call, async (archive) => {
    requireHostPlatform(call);
    try {
      for (const image of await images.load(archive, workOf(call, show))) sayLoaded(lines, image);
      lines.end();
    } catch (error) {
      lines.fail(error);
    }
  });
}

function sayLoaded(lines: JsonLines, { id, references }: LoadedImage): void {
  if (references.length === 0) lines.send({ stream: `Loaded image ID: ${id}\n` });
  for (const name of references) lines.send({ stream: `Loaded image: ${name}\n` });
}

async function push(images: ImageService, call: ApiCall): Promise<void> {
  const bare = { ...parseReference(call.param("name")), digest: null };
  const name = { ...bare, tag: call.text("tag") || bare.tag };
  await requirePlatform(images, familiarReference(name), call);
  const lines = new JsonLines(call);
  const progress = new PushLines(lines);
  progress.begin(`${name.registry}/${name.repository}`);
  const request = { reference: familiarReference(name), allTags: name.tag === null, credentials: registryAuthOf(call) };
  try {
    progress.end(
      await images.push(
        request,
        workOf(call, (step) => progress.show(step)),
      ),
    );
  } catch (error) {
    const missing = `An image does not exist locally with the tag: ${familiarName(name)}`;
    const isMissing =
      isNoSuchImage(error) || (error instanceof EngineError && error.message.startsWith("no image is named"));
    lines.fail(isMissing ? new ApiError(404, missing, "not-found") : error);
  }
}

async function save(images: ImageService, call: ApiCall, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw new EngineError("invalid-argument", "no image is named");
  for (const name of names) {
    await namingImage(name, () => images.resolve(name));
    await requirePlatform(images, name, call);
  }
  const output = byteOutput(call, { "Content-Type": "application/x-tar" });
  await images.save(
    { images: names, format: "docker-archive" },
    output,
    workOf(call, () => {}),
  );
  call.response.end();
}

function workOf({ signal }: ApiCall, onProgress: (progress: Progress) => void): LongWork {
  return { signal, onProgress };
}
