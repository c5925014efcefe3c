import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { parseDocument } from "../oci/parse.ts";
import type { Reference } from "../oci/reference.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import { readManifests } from "./archive-manifests.ts";
import { getFile, type ImagePlan, parseImageName, planImage } from "./image-plan.ts";

export const dockerManifestPath = "manifest.json";

/** moby's image/spec/v1.2.md, "manifest.json". Go writes an empty slice as null. */
const manifestSchema = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.optional(z.nullable(z.array(z.string()).check(z.maxLength(1_000)))),
      Layers: z.optional(z.nullable(z.array(z.string()).check(z.maxLength(500)))),
    }),
  )
  .check(z.maxLength(1_000));

/** The images of a docker-archive, as docker save, podman save, skopeo and buildah write it. Fails with `corrupt`. */
export async function planDockerArchive(files: ArchiveFiles): Promise<ImagePlan[]> {
  const file = getFile(files, dockerManifestPath);
  const document = decodeJson(await files.readDocument(file, dockerManifestPath), dockerManifestPath);
  const manifest = parseDocument(manifestSchema, document, dockerManifestPath);
  const findManifest = await readManifests(files);
  const plans: ImagePlan[] = [];
  for (const image of manifest) {
    const references = (image.RepoTags ?? []).map(readTag);
    const [configPath, layerPaths] = [image.Config, image.Layers ?? []];
    const manifestFile = findManifest(configPath, layerPaths);
    plans.push(await planImage(files, { configPath, layerPaths, manifestFile, references }));
  }
  return plans;
}

function readTag(text: string): Reference {
  try {
    return parseImageName(text);
  } catch (error) {
    throw new EngineError(
      "corrupt",
      `${dockerManifestPath} has a name that is none: ${JSON.stringify(text.slice(0, 80))}`,
      {
        cause: error,
      },
    );
  }
}
