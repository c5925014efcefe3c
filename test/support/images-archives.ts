import { execFileSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../../engine/oci/digest.ts";
import { type TarItem, tarOf } from "./images-tar.ts";

export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/**
 * An OCI layout made by umoci in `<directory>/layout`, tag `web`: busybox, then one file changed and one removed (a whiteout), then a
 * directory replaced. The archives of other tools are made from it.
 */
export function makeLayout(directory: string): string {
  const layout = join(directory, "layout");
  const image = `${layout}:web`;
  const bundle = join(directory, "bundle");
  const rootfs = join(bundle, "rootfs");
  const commit = () => run("umoci", "repack", "--refresh-bundle", "--image", image, bundle);
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(rootfs, path)), { recursive: true });
    writeFileSync(join(rootfs, path), text);
  };
  run("umoci", "init", "--layout", layout);
  run("umoci", "new", "--image", image);
  run("umoci", "unpack", "--image", image, bundle);
  mkdirSync(join(rootfs, "bin"));
  copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  linkSync(join(rootfs, "bin/busybox"), join(rootfs, "bin/sh"));
  put("etc/motd", "one\n");
  put("etc/gone", "gone\n");
  put("data/old", "old\n");
  commit();
  put("etc/motd", "two\n");
  rmSync(join(rootfs, "etc/gone"));
  commit();
  rmSync(join(rootfs, "data"), { recursive: true });
  put("data/new", "new\n");
  commit();
  run(
    "umoci",
    "config",
    "--image",
    image,
    "--config.cmd",
    "sh",
    "--config.exposedports",
    "80/tcp",
    "--config.label",
    "a=b",
  );
  return layout;
}

export type LayerItems = readonly (readonly [name: string, item: TarItem])[];

/** Documents and layers of an image made by hand, to be put into archives in right and wrong ways. */
export async function imageParts(layers: readonly LayerItems[], more: Record<string, unknown> = {}) {
  const tars = await Promise.all(layers.map((items) => tarOf(items)));
  const imageConfig = {
    architecture: "amd64",
    os: "linux",
    created: "2026-01-01T00:00:00Z",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
    history: tars.map((_, index) => ({ created: "2026-01-01T00:00:00Z", created_by: `step ${index + 1}` })),
    ...more,
  };
  return { tars, config: Buffer.from(JSON.stringify(imageConfig)) };
}

type Items = [name: string, item: TarItem][];

/** Entries of a docker-archive; a test changes what it wants to be wrong. */
export async function dockerArchive(layers: readonly LayerItems[], tag: string | null, more?: Record<string, unknown>) {
  const { tars, config } = await imageParts(layers, more);
  const manifest = [
    {
      Config: "config.json",
      RepoTags: tag === null ? null : [tag],
      Layers: tars.map((_, index) => `${index}/layer.tar`),
    },
  ];
  const items: Items = [
    ["manifest.json", JSON.stringify(manifest)],
    ["config.json", config],
    ...tars.map((tar, index): [string, TarItem] => [`${index}/layer.tar`, tar]),
  ];
  return items;
}

/** Entries of an OCI archive with one image for each platform behind one nested index, as docker buildx writes it. */
export async function ociArchive(
  images: readonly { readonly architecture: string; readonly text: string }[],
  name: string,
) {
  const items = new Map<string, TarItem>([["oci-layout", '{"imageLayoutVersion":"1.0.0"}']]);
  const put = (bytes: Buffer, mediaType: string) => {
    items.set(`blobs/sha256/${sha256(bytes).slice(7)}`, bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const manifests = await Promise.all(
    images.map(async ({ architecture, text }) => {
      const { tars, config } = await imageParts([[["motd", text]]], { architecture });
      const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: put(config, "application/vnd.oci.image.config.v1+json"),
        layers: tars.map((tar) => put(tar, "application/vnd.oci.image.layer.v1.tar")),
      };
      const descriptor = put(Buffer.from(JSON.stringify(manifest)), manifest.mediaType);
      return { ...descriptor, platform: { architecture, os: "linux" } };
    }),
  );
  const indexType = "application/vnd.oci.image.index.v1+json";
  const nested = put(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests })), indexType);
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": "latest" };
  const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ ...nested, annotations }] };
  items.set("index.json", JSON.stringify(index));
  return items;
}
