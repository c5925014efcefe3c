import type { LayerStore } from "../layers/layer-store.ts";
import type { CatalogImage } from "./catalog.ts";
import { getConfig } from "./image-views.ts";

/** docker's inspect JSON of an image (Docker Engine API, ImageInspect). */
export function inspectImage(image: CatalogImage, layers: LayerStore): Record<string, unknown> {
  const imageConfig = getConfig(image);
  const size = image.layerSizes.reduce((total, layer) => total + layer, 0);
  return {
    Id: image.id,
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Parent: "",
    Comment: textOf(imageConfig.comment) || textOf(imageConfig.history?.at(-1)?.comment),
    Created: image.createdAt,
    DockerVersion: textOf(imageConfig.docker_version),
    Author: imageConfig.author ?? "",
    Config: {
      Hostname: "",
      Domainname: "",
      User: "",
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: null,
      Cmd: null,
      Volumes: null,
      WorkingDir: "",
      Entrypoint: null,
      OnBuild: null,
      Labels: null,
      ...imageConfig.config,
    },
    Architecture: image.architecture,
    ...(imageConfig.variant ? { Variant: imageConfig.variant } : {}),
    Os: image.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: { Data: graphData(image, layers), Name: "overlay2" },
    RootFS: { Type: "layers", Layers: image.chain },
    Metadata: { LastTagTime: image.addedAt },
  };
}

/** Null where a layer is not unpacked here. */
function graphData(image: CatalogImage, layers: LayerStore): Record<string, string> | null {
  const placed = layers.findAll(image.chain).filter((layer) => layer !== null);
  if (placed.length < image.chain.length) return null;
  const [upper, ...lower] = placed.map(({ path }) => path).reverse();
  if (upper === undefined) return null;
  return lower.length === 0 ? { UpperDir: upper } : { LowerDir: lower.join(":"), UpperDir: upper };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
