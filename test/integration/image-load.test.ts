import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dockerArchive, type LayerItems, makeLayout, ociArchive, run } from "../support/images-archives.ts";
import { type ImagesEngine, leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { chunksOf, imagesDirectory, type TarItem, tarOf } from "../support/images-tar.ts";

let directory: Awaited<ReturnType<typeof imagesDirectory>>;
let layout: string;

beforeAll(async () => {
  directory = await imagesDirectory();
  layout = makeLayout(directory.path);
});

afterAll(() => directory[Symbol.asyncDispose]());

/** Archives of one image by the tools that people have. */
const writers: Record<string, (file: string) => void> = {
  "docker-archive by skopeo": (file) =>
    run("skopeo", "copy", "-q", `oci:${layout}:web`, `docker-archive:${file}:example/web:1`),
  "oci-archive by skopeo": (file) =>
    run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${file}:example/web:1`),
  "oci layout by umoci, packed by tar": (file) => run("tar", "-C", layout, "-cf", file, "."),
  "oci layout, gzip": (file) => run("tar", "-C", layout, "-czf", file, "blobs", "index.json", "oci-layout"),
  "oci layout, zstd": (file) => run("tar", "-C", layout, "--zstd", "-cf", file, "."),
  "docker-archive by buildah": (file) => buildah("push", "-q", buildahImage(), `docker-archive:${file}:example/web:1`),
  "oci-archive by buildah": (file) => buildah("push", "-q", buildahImage(), `oci-archive:${file}:example/web:1`),
};

function buildah(...args: string[]): string {
  const storage = join(directory.path, "storage");
  return run("buildah", "--root", storage, "--runroot", `${storage}-run`, "--storage-driver", "vfs", ...args).trim();
}

/** buildah stores the layers unpacked and packs them again. */
function buildahImage(): string {
  const file = join(directory.path, "for-buildah.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${file}:example/web:1`);
  return buildah("pull", "-q", `oci-archive:${file}`);
}

async function readFiles(engine: ImagesEngine, image: string, paths: readonly string[]): Promise<(string | null)[]> {
  await engine.layers.prepare("reader", engine.images.resolve(image).chain);
  try {
    const rootfs = await engine.layers.mount("reader");
    return paths.map((path) => {
      try {
        return readFileSync(join(rootfs, path), "utf8");
      } catch {
        return null;
      }
    });
  } finally {
    await engine.layers.remove("reader");
  }
}

it.each(Object.keys(writers))("loads a %s, and removes it without a trace", async (name) => {
  const file = join(directory.path, `${Object.keys(writers).indexOf(name)}.tar`);
  writers[name]?.(file);
  await using engine = await openImagesEngine();
  const [loaded, ...more] = await engine.loadFile(file);
  expect(more).toEqual([]);
  expect(loaded?.references).toEqual([name.startsWith("oci layout") ? "web:latest" : "example/web:1"]);
  const image = loaded?.references[0] ?? "";

  expect(engine.images.list()).toMatchObject([
    { id: loaded?.id, layerCount: 3, command: ["sh"], exposedPorts: ["80/tcp"], labels: { a: "b" }, sharedSize: 0 },
  ]);
  expect(await readFiles(engine, image, ["etc/motd", "etc/gone", "data/old", "data/new"])).toEqual([
    "two\n",
    null,
    null,
    "new\n",
  ]);
  const { layers } = await engine.images.layersOf(image);
  expect(layers.map((layer) => layer.createdBy)).toEqual(Array(3).fill("umoci repack"));

  expect(await engine.images.remove(image, false)).toEqual({ untagged: [image], deleted: [loaded?.id] });
  expect(await leftovers(engine)).toEqual([]);
});

it("prefers manifest.json in an archive that is both, as docker save writes since version 25", async () => {
  const own = process.arch === "arm64" ? "arm64" : "amd64";
  const items = await ociArchive([{ architecture: own, text: "both" }], "example/index:1");
  const documents = [...items].filter(([name]) => name.startsWith("blobs/"));
  const configPath = documents.find(([, bytes]) => String(bytes).includes('"rootfs"'))?.[0];
  const layerPath = documents.find(([, bytes]) => String(bytes).includes("ustar"))?.[0];
  items.set(
    "manifest.json",
    JSON.stringify([{ Config: configPath, RepoTags: ["example/both:1"], Layers: [layerPath] }]),
  );
  await using engine = await openImagesEngine();
  const [loaded, ...more] = await engine.images.load(chunksOf(await tarOf([...items])), quietWork);
  expect(more).toEqual([]);
  expect(loaded?.references).toEqual(["example/both:1"]);
  expect(await readFiles(engine, "example/both:1", ["motd"])).toEqual(["both"]);
});

it("loads 127 layers and a symbolic link in place of a layer", async () => {
  const layers = Array.from({ length: 127 }, (_, index): LayerItems => [[`file-${index}`, `${index % 100}`]]);
  const items = await dockerArchive(layers, "example/deep:1");
  const linked = items.map(([name, item]): [string, TarItem] =>
    name === "1/layer.tar" ? ["real/1.tar", item] : [name, item],
  );
  linked.push(["1/layer.tar", { type: "symlink", linkname: "../real/1.tar" }]);
  await using engine = await openImagesEngine();
  await engine.images.load(chunksOf(await tarOf(linked)), quietWork);
  expect(engine.images.list()).toMatchObject([{ layerCount: 127, size: 10 + 90 * 2 + 10 + 17 * 2 }]);
  expect(await readFiles(engine, "example/deep:1", ["file-0", "file-1", "file-126"])).toEqual(["0", "1", "26"]);
});

it("shares layers between images and unpacks none twice", async () => {
  await using engine = await openImagesEngine();
  const first = join(directory.path, "first.tar");
  const second = join(directory.path, "second.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `docker-archive:${first}:example/web:1`);
  run("umoci", "tag", "--image", `${layout}:web`, "other");
  run("umoci", "config", "--image", `${layout}:other`, "--config.label", "other=yes");
  run("skopeo", "copy", "-q", `oci:${layout}:other`, `oci-archive:${second}:example/other:1`);

  await engine.loadFile(first);
  const directories = (await leftovers(engine)).filter((name) => name.startsWith("layers/"));
  await engine.loadFile(second);
  expect((await leftovers(engine)).filter((name) => name.startsWith("layers/"))).toEqual(directories);
  for (const image of engine.images.list()) expect(image.sharedSize).toBe(image.size);
  const { layers } = await engine.images.layersOf("example/web:1");
  expect(layers.map((layer) => layer.sharedBy)).toEqual(Array(3).fill(["example/other:1"]));

  await engine.images.remove("example/web:1", false);
  expect(await readFiles(engine, "example/other:1", ["etc/motd"])).toEqual(["two\n"]);
  await engine.images.remove("example/other:1", false);
  expect(await leftovers(engine)).toEqual([]);
});

it("loads the same archive twice at once and again", async () => {
  await using engine = await openImagesEngine();
  const file = join(directory.path, "twice.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `docker-archive:${file}:example/web:1`);
  const [one, two] = await Promise.all([engine.loadFile(file), engine.loadFile(file)]);
  expect(one).toEqual(two);
  const before = await leftovers(engine);
  await engine.loadFile(file);
  expect(await leftovers(engine)).toEqual(before);
});

it("chooses the host's platform out of a nested index", async () => {
  await using engine = await openImagesEngine();
  const own = process.arch === "arm64" ? "arm64" : "amd64";
  const images = ["s390x", own, "riscv64"].map((architecture) => ({ architecture, text: architecture }));
  const archive = await tarOf([...(await ociArchive(images, "example/multi:1"))]);
  const [loaded] = await engine.images.load(chunksOf(archive), quietWork);
  expect(loaded?.references).toEqual(["example/multi:1"]);
  expect(await readFiles(engine, "example/multi:1", ["motd"])).toEqual([own]);

  const foreign = await tarOf([...(await ociArchive([{ architecture: "s390x", text: "" }], "example/foreign:1"))]);
  await expect(engine.images.load(chunksOf(foreign), quietWork)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining(`archive has no image for linux/${own}`),
  });
});
