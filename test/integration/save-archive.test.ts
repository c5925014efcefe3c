import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openArchives } from "../../engine/layers/archives.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { dockerArchive, makeLayout, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { blobsOf, identityOf, saved, savedFile } from "../support/images-save.ts";
import { chunksOf, imagesDirectory, tarOf } from "../support/images-tar.ts";

let directory: Awaited<ReturnType<typeof imagesDirectory>>;
/** A three-layer image in gzip, tag `web`, as umoci makes it. */
let layout: string;
let ociFile: string;

beforeAll(async () => {
  directory = await imagesDirectory();
  layout = makeLayout(directory.path);
  ociFile = join(directory.path, "oci.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${ociFile}:example/web:1`);
});

afterAll(() => directory[Symbol.asyncDispose]());

const load = (engine: ImagesEngine, archive: Buffer) => engine.images.load(chunksOf(archive), quietWork);

const archiveOf = async (text: string, tag: string | null): Promise<Buffer> =>
  tarOf(await dockerArchive([[["base", "the same\n"]], [["motd", text]]], tag));

it.each(["docker-archive", "oci-archive"] as const)(
  "gives a %s that makes the same store elsewhere",
  async (format) => {
    await using engine = await openImagesEngine();
    await engine.loadFile(ociFile);
    const archive = await saved(engine, ["example/web:1"], format);
    await using other = await openImagesEngine();
    await load(other, archive);
    expect(await identityOf(other, "example/web:1")).toEqual(await identityOf(engine, "example/web:1"));
    expect(blobsOf(other)).toEqual(blobsOf(engine));
    expect((await saved(other, ["example/web:1"], format)).equals(archive)).toBe(true);
  },
);

it("keeps manifest and layers byte by byte for other tools", async () => {
  const original = run("skopeo", "inspect", "--raw", `oci:${layout}:web`);
  await using engine = await openImagesEngine();
  await engine.loadFile(ociFile);
  const oci = await savedFile(engine, ["example/web:1"], "oci-archive");
  expect(run("skopeo", "inspect", "--raw", `oci-archive:${oci}`)).toBe(original);
  expect(run("skopeo", "inspect", "--raw", `oci-archive:${oci}:docker.io/example/web:1`)).toBe(original);
  const docker = await savedFile(engine, ["example/web:1"]);
  expect(run("skopeo", "inspect", "--raw", `oci-archive:${docker}:1`)).toBe(original);
  // skopeo tells a docker-archive's layers by their diffIDs.
  const { RootFS } = await identityOf(engine, "example/web:1");
  const { Layers } = JSON.parse(run("skopeo", "inspect", `docker-archive:${docker}:example/web:1`));
  expect(Layers).toEqual((RootFS as { Layers: string[] }).Layers);
});

it("is read by buildah, which is how podman reads it", async () => {
  const storage = join(directory.path, "storage");
  const buildah = (...args: string[]) =>
    run("buildah", "--root", storage, "--runroot", `${storage}-run`, "--storage-driver", "vfs", ...args).trim();
  await using engine = await openImagesEngine();
  await engine.loadFile(ociFile);
  const { Id } = await identityOf(engine, "example/web:1");
  for (const format of ["docker-archive", "oci-archive"] as const) {
    const file = await savedFile(engine, ["example/web:1"], format);
    expect(`sha256:${buildah("pull", "-q", `${format}:${file}`)}`).toBe(Id);
    buildah("rmi", "-a", "-f");
  }
});

it("shares layers between images, and names each as it was asked for", async () => {
  await using engine = await openImagesEngine();
  await load(engine, await archiveOf("one\n", "team/a:1"));
  await load(engine, await archiveOf("two\n", "team/a:2"));
  await load(engine, await archiveOf("three\n", "team/b:1"));
  await engine.images.tag("team/b:1", "team/a:also");
  const { Id } = await identityOf(engine, "team/b:1");

  const file = await savedFile(engine, ["team/a", String(Id), "team/a:2"]);
  const paths = run("tar", "-tf", file).trim().split("\n");
  expect(paths.slice(0, 6)).toEqual([
    "blobs/",
    "blobs/sha256/",
    "oci-layout",
    "index.json",
    "manifest.json",
    "repositories",
  ]);
  // Three manifests, three configs, three layers of their own and one they share.
  expect(paths).toHaveLength(6 + 10);
  expect(new Set(paths).size).toBe(paths.length);
  const manifest = JSON.parse(run("tar", "-xOf", file, "manifest.json"));
  expect(manifest.map((image: { RepoTags: string[] | null }) => image.RepoTags).sort()).toEqual([
    ["team/a:1"],
    ["team/a:2"],
    ["team/a:also"],
  ]);
  const repositories = JSON.parse(run("tar", "-xOf", file, "repositories"));
  expect(Object.keys(repositories)).toEqual(["team/a"]);
  expect(Object.keys(repositories["team/a"]).sort()).toEqual(["1", "2", "also"]);

  const byID = await savedFile(engine, [String(Id).slice(7, 19)]);
  expect(JSON.parse(run("tar", "-xOf", byID, "manifest.json"))[0].RepoTags).toBeNull();
  await using other = await openImagesEngine();
  expect(await other.loadFile(byID)).toEqual([{ id: Id, references: [] }]);
});

it("gives the same bytes for the same images, at any time and in any engine", async () => {
  const archive = await archiveOf("one\n", "team/a:1");
  await using engine = await openImagesEngine();
  await load(engine, archive);
  const first = await saved(engine, ["team/a:1"]);
  await using other = await openImagesEngine();
  await load(other, await archiveOf("two\n", "team/b:1"));
  await load(other, archive);
  expect((await saved(other, ["team/a:1"])).equals(first)).toBe(true);
  expect(first.length % 10_240).toBe(0);
});

it("says what is damaged or lost instead of writing it", async () => {
  await using engine = await openImagesEngine();
  await load(engine, await archiveOf("one\n", "team/a:1"));
  const layer = sha256(await tarOf([["motd", "one\n"]]));
  const path = engine.blobs.pathOf(layer);
  chmodSync(path, 0o600);
  const good = readFileSync(path);
  writeFileSync(path, Buffer.from(good).fill(0x41, 600, 603));
  await expect(saved(engine, ["team/a:1"])).rejects.toMatchObject({
    code: "corrupt",
    message: expect.stringContaining("damaged"),
  });
  rmSync(path);
  await expect(saved(engine, ["team/a:1"])).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("is not kept"),
    hint: expect.stringContaining("pull or load"),
  });
  expect(engine.operations.list()).toEqual([]);
  await expect(saved(engine, ["nobody"])).rejects.toMatchObject({ code: "not-found" });
  await expect(saved(engine, [])).rejects.toMatchObject({ code: "invalid-argument" });
});

it("makes a lost tar again where that gives the very same bytes", async () => {
  await using engine = await openImagesEngine();
  const tree = join(directory.path, "tree");
  run("mkdir", "-p", join(tree, "etc"));
  writeFileSync(join(tree, "etc/motd"), "hello\n");
  run("ln", join(tree, "etc/motd"), join(tree, "again"));
  await using archives = openArchives();
  const tar = archives.pack({ directories: [tree], inside: "", path: "" }, quietWork.signal);
  const options = { reference: "made:here", changes: [], message: "", createdAt: "2026-01-01T00:00:00Z" };
  await engine.images.import(tar, options, quietWork);
  const whole = await saved(engine, ["made:here"]);
  const [layer] = engine.images.resolve("made:here").chain;
  if (layer === undefined) throw new Error("no layer");
  await engine.blobs.remove(layer);
  expect((await saved(engine, ["made:here"])).equals(whole)).toBe(true);
});

it("finishes with an image that is removed meanwhile, and holds nothing up", async () => {
  await using engine = await openImagesEngine();
  await load(engine, await archiveOf("one\n", "team/a:1"));
  const whole = await saved(engine, ["team/a:1"]);
  const pieces: Buffer[] = [];
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const saving = engine.images.save(
    { images: ["team/a:1"], format: "docker-archive" },
    async (bytes) => {
      pieces.push(Buffer.from(bytes));
      began.resolve();
      await gate.promise;
    },
    quietWork,
  );
  await began.promise;
  await engine.images.remove("team/a:1", false);
  expect(blobsOf(engine)).toEqual([]);
  gate.resolve();
  await saving;
  expect(Buffer.concat(pieces).equals(whole)).toBe(true);
});

it("ends at once when nobody wants it any more", async () => {
  await using engine = await openImagesEngine();
  await load(engine, await archiveOf("one\n", "team/a:1"));
  const abort = new AbortController();
  let count = 0;
  const take = async () => {
    if (++count === 3) abort.abort();
  };
  const work = { signal: abort.signal, onProgress: () => {} };
  const saving = engine.images.save({ images: ["team/a:1"], format: "docker-archive" }, take, work);
  await expect(saving).rejects.toMatchObject({ code: "cancelled" });
  expect(count).toBe(3);
  expect(engine.operations.list()).toEqual([]);
});

it("does not lose a manifest to an archive that has none", async () => {
  await using engine = await openImagesEngine();
  await engine.loadFile(ociFile);
  const before = await saved(engine, ["example/web:1"]);
  const plain = join(directory.path, "plain.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `docker-archive:${plain}:example/web:1`);
  await engine.loadFile(plain);
  expect((await saved(engine, ["example/web:1"])).equals(before)).toBe(true);
});
