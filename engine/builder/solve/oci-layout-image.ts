import { spawn } from "node:child_process";
import { EngineError } from "../../errors.ts";
import type { ImageID } from "../../oci/digest.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import type { NamedContext } from "../../protocol/builds.ts";
import type { BaseImage } from "./base-images.ts";
import type { Build } from "./build.ts";

type Layout = Extract<NamedContext, { type: "oci-layout" }>;

/** Loads an image from a layout on the host, as if it were an archive. */
export async function resolveLayout(build: Build, { path, reference }: Layout): Promise<BaseImage> {
  const { parts, signal, log, stack } = build;
  const stepID = log.plan({ stage: "", number: 0, total: 0, title: `load ${path}`, line: 0 });
  log.begin(stepID);
  try {
    const images = await parts.images.load(tarOf(path, signal), { signal, onProgress: () => {} });
    const wanted = reference === null ? images[0] : images.find((image) => fits(image, reference));
    if (wanted === undefined) {
      throw new EngineError("not-found", `no image ${reference ?? ""} in the OCI layout ${path}`.replace("  ", " "));
    }
    const { id, chain } = parts.images.resolve(wanted.id);
    stack.use(await parts.layers.hold(chain));
    stack.use(await parts.blobs.hold([id]));
    const imageConfig = parseImageConfig(await parts.blobs.read(id), `image config ${id}`);
    log.end(stepID, { status: "done" });
    return { id: id as ImageID, chain, imageConfig, reference: reference ?? path };
  } catch (error) {
    log.end(stepID, { status: "failed", error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function fits({ id, references }: { readonly id: string; readonly references: readonly string[] }, wanted: string) {
  return id === wanted || references.some((each) => each === wanted || each.endsWith(`:${wanted}`));
}

async function* tarOf(directory: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const tar = spawn("tar", ["-c", "-C", directory, "."], { stdio: ["ignore", "pipe", "ignore"], signal });
  const failed = new Promise<never>((_resolve, reject) => tar.once("error", reject));
  failed.catch(() => {});
  const ended = new Promise<number | null>((resolve) => tar.once("close", resolve));
  for await (const chunk of tar.stdout) yield chunk as Buffer;
  const code = await Promise.race([ended, failed]);
  if (code !== 0) throw new EngineError("not-found", `the OCI layout ${directory} cannot be read`);
}
