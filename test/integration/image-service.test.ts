import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, it } from "vitest";
import { ensureStarterImage, starterReference } from "../../engine/images/starter-image.ts";
import type { Progress } from "../../engine/protocol/rpc.ts";
import { dockerArchive, run } from "../support/images-archives.ts";
import { type ImagesEngine, leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { chunksOf, imagesDirectory, tarOf } from "../support/images-tar.ts";

const plain = { changes: [], message: "", createdAt: "2026-01-01T00:00:00Z" };

async function importText(engine: ImagesEngine, reference: string | null, text: string): Promise<string> {
  const rootfs = await tarOf([
    ["etc/", { type: "directory", mode: 0o755 }],
    ["etc/motd", text],
  ]);
  return (await engine.images.import(chunksOf(rootfs), { ...plain, reference }, quietWork)).id;
}

it("imports a root file system, plain or compressed, with changes", async () => {
  await using engine = await openImagesEngine();
  const rootfs = await tarOf([["hello", "world"]]);
  const changes = [
    'CMD ["/hello"]',
    "ENV A=1",
    "EXPOSE 80",
    "LABEL a=b",
    "USER 1000",
    "WORKDIR /srv",
    "STOPSIGNAL SIGINT",
  ];
  const foreign = ["xz", "bzip2"].map((program) => execFileSync(program, ["-c"], { input: rootfs }));
  for (const [index, bytes] of [rootfs, gzipSync(rootfs), zstdCompressSync(rootfs), ...foreign].entries()) {
    const options = { reference: `example/import:${index}`, changes, message: "by hand" };
    const { id } = await engine.images.import(chunksOf(bytes), options, quietWork);
    expect(engine.images.resolve(`example/import:${index}`)).toMatchObject({
      id,
      config: {
        entrypoint: [],
        command: ["/hello"],
        environment: ["A=1"],
        user: "1000",
        workingDirectory: "/srv",
        exposedPorts: ["80/tcp"],
        labels: { a: "b" },
        stopSignal: "SIGINT",
      },
    });
  }
  expect(await engine.images.history("example/import:0")).toMatchObject([
    { size: 5, comment: "by hand", references: ["example/import:0"] },
  ]);
  expect(await engine.images.inspect("example/import:0")).toMatchObject({
    RepoTags: ["example/import:0"],
    Comment: "by hand",
    Os: "linux",
    Size: 5,
    Config: { Cmd: ["/hello"], Env: ["A=1"], Labels: { a: "b" } },
    RootFS: { Type: "layers", Layers: [expect.stringMatching(/^sha256:/)] },
    GraphDriver: { Name: "overlay2", Data: { UpperDir: expect.stringContaining(engine.root) } },
  });
  expect(engine.images.list()[0]).toMatchObject({ size: 5, sharedSize: 5, layerCount: 1 });
});

it.each([
  ["nothing", Buffer.alloc(0), "corrupt"],
  ["no tar", Buffer.from("hello ".repeat(200)), "corrupt"],
  ["half an xz", Buffer.from("fd377a585a000004", "hex"), "corrupt"],
  ["half a gzip", gzipSync(Buffer.alloc(100_000, "x")).subarray(0, 60), "corrupt"],
])("refuses to import %s and leaves nothing", async (_, bytes, code) => {
  await using engine = await openImagesEngine();
  const importing = engine.images.import(chunksOf(bytes), { ...plain, reference: "example/bad" }, quietWork);
  await expect(importing).rejects.toMatchObject({ code });
  expect(await leftovers(engine)).toEqual([]);
});

it("checks names and changes before a byte is read", async () => {
  await using engine = await openImagesEngine();
  async function* untouched(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(1);
    throw new Error("was read");
  }
  for (const wrong of [{ reference: "Bad Name" }, { reference: "a", changes: ["RUN x"] }]) {
    await expect(engine.images.import(untouched(), { ...plain, ...wrong }, quietWork)).rejects.toMatchObject({
      code: "invalid-argument",
    });
  }
});

it("names, renames and finds images", async () => {
  await using engine = await openImagesEngine();
  const one = await importText(engine, "web:1", "one");
  const two = await importText(engine, null, "two");
  await engine.images.tag("web:1", "registry.example/team/web:stable");
  await engine.images.tag(two.slice(7, 27), "web:1");
  expect(engine.images.resolve("web:1").id).toBe(two);
  expect(engine.images.resolve("docker.io/library/web:1").id).toBe(two);
  expect(engine.images.resolve("registry.example/team/web:stable").id).toBe(one);
  for (const text of [one, one.slice(7), one.slice(0, 20), one.slice(7, 19)]) {
    expect(engine.images.resolve(text).id).toBe(one);
  }
  expect(() => engine.images.resolve("web")).toThrow("no such image: web");
  expect(() => engine.images.resolve("sha256:")).toThrow("no such image");
  expect(() => engine.images.resolve("Web")).toThrow(/must be lowercase/);
  await expect(engine.images.tag("web:1", `x@${one}`)).rejects.toMatchObject({ code: "invalid-argument" });
  await expect(engine.images.tag("web:1", one)).rejects.toMatchObject({ code: "invalid-argument" });
  await expect(engine.images.tag("nothing", "x")).rejects.toMatchObject({ code: "not-found" });
});

it("says which digits are ambiguous", async () => {
  await using engine = await openImagesEngine();
  const seen = new Map<string, string>();
  for (let index = 0; index < 17; index++) {
    const id = await importText(engine, null, `text ${index}`);
    const digit = id.slice(7, 8);
    if (seen.has(digit)) {
      expect(() => engine.images.resolve(digit)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
      return;
    }
    seen.set(digit, id);
  }
  expect.unreachable("17 IDs begin with at most 16 digits");
});

it("keeps an image that a container uses, and tells whose it is", async () => {
  await using engine = await openImagesEngine();
  const id = await importText(engine, "web:1", "one");
  engine.useImage(id, "c1");
  expect(engine.images.list()[0]?.containers).toEqual(["c1".padEnd(64, "0")]);
  await expect(engine.images.remove("web:1", false)).rejects.toMatchObject({
    code: "failed-precondition",
    message: "image web:1 is used by container c1 (c10000000000)",
    hint: "remove the container first: gantry rm c1",
  });
  expect(await engine.images.remove("web:1", true)).toEqual({ untagged: ["web:1"], deleted: [] });
  expect(engine.images.list()).toMatchObject([{ id, references: [] }]);
  engine.database.exec("DELETE FROM containers");
  expect(await engine.images.remove(id.slice(7, 19), false)).toEqual({ untagged: [], deleted: [id] });
  expect(await leftovers(engine)).toEqual([]);
});

it("does not sweep what a load is making while an image is removed", async () => {
  await using engine = await openImagesEngine();
  const layers = [[["a", Buffer.alloc(100_000, 1)] as const], [["b", "b"] as const]];
  const archive = await tarOf(await dockerArchive(layers, "example/slow:1"));
  await importText(engine, "web:1", "one");
  async function* slow() {
    yield archive.subarray(0, 110_000);
    await engine.images.remove("web:1", false);
    yield archive.subarray(110_000);
  }
  await engine.images.load(slow(), quietWork);
  const { chain } = engine.images.resolve("example/slow:1");
  expect(engine.layers.find(chain)).not.toBeNull();
  await engine.images.remove("example/slow:1", false);
  expect(await leftovers(engine)).toEqual([]);
});

it("tells of changes, and of containers that come and go", async () => {
  await using engine = await openImagesEngine();
  let changes = 0;
  const actions: string[] = [];
  engine.images.onChange(() => changes++);
  engine.events.onEvent(
    ({ type, action, attributes }) => type === "image" && actions.push(`${action} ${attributes.name}`),
  );
  const id = await importText(engine, "web:1", "one");
  await engine.images.tag("web:1", "web:2");
  await engine.images.remove("web:2", false);
  await engine.images.remove("web:1", false);
  engine.events.publish({ type: "container", action: "create", id: "c" });
  expect(changes).toBe(5);
  const words = ["tag web:1", `import ${id}`, "tag web:2", `untag ${id}`, `untag ${id}`, `delete ${id}`];
  expect(actions).toEqual(words);
});

it.each([
  ["the archive", 12_000_000],
  ["its layer as well", 5_000_000],
])("says so when the disk is too small for %s, and leaves nothing", async (_, size) => {
  await using directory = await imagesDirectory();
  run("mount", "-t", "tmpfs", "-o", "size=8m", "gantry-test", directory.path);
  try {
    await using engine = await openImagesEngine(directory.path);
    const rootfs = await tarOf([["big", randomBytes(size)]]);
    const importing = engine.images.import(chunksOf(rootfs), { ...plain, reference: "example/big" }, quietWork);
    await expect(importing).rejects.toMatchObject({ code: "resource-exhausted" });
    expect(await leftovers(engine)).toEqual([]);
    await importText(engine, "example/small", "fits");
  } finally {
    run("umount", directory.path);
  }
});

it("tells how far it is, to its caller and to everyone", async () => {
  await using engine = await openImagesEngine();
  const told: string[] = [];
  const shown = new Set<string>();
  engine.operations.onChange(() => {
    for (const { kind, title, progress } of engine.operations.list()) shown.add(`${kind} ${title} ${progress?.phase}`);
  });
  const work = { ...quietWork, onProgress: ({ phase, unit }: Progress) => told.push(`${phase} ${unit}`) };
  const archive = await tarOf(await dockerArchive([[["a", randomBytes(3_000_000)]]], "example/a:1"));
  async function* slow() {
    for await (const chunk of chunksOf(archive, 500_000)) {
      yield chunk;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
  await engine.images.load(slow(), work);
  expect(told).toContain("receiving bytes");
  expect(told.length).toBeLessThan(20);
  expect(shown).toContain("load load images receiving");
  expect(engine.operations.list()).toEqual([]);
});

it("opens again with what it had, and sweeps what a crash left", async () => {
  await using root = await imagesDirectory();
  let id = "";
  {
    await using engine = await openImagesEngine(root.path);
    id = await importText(engine, "web:1", "one");
    await using ingest = await engine.blobs.openIngest();
    await ingest.write(Buffer.from("a blob that no image holds"));
    await ingest.commit();
  }
  await using engine = await openImagesEngine(root.path);
  expect(engine.images.list()).toMatchObject([{ id, references: ["web:1"], size: 3 }]);
  expect(await engine.blobs.list()).toHaveLength(2);
  await engine.images.remove("web:1", false);
  expect(await leftovers(engine)).toEqual([]);
});

it("opens with an image whose config is damaged, names it, and mends it by another import", async () => {
  await using root = await imagesDirectory();
  {
    await using engine = await openImagesEngine(root.path);
    const id = await importText(engine, "web:1", "one");
    const path = engine.blobs.pathOf(engine.images.resolve(id).id);
    chmodSync(path, 0o644);
    writeFileSync(path, "{}");
  }
  await using engine = await openImagesEngine(root.path);
  expect(engine.images.list()).toMatchObject([{ references: ["web:1"], command: [] }]);
  expect(() => engine.images.resolve("web:1")).toThrow("image web:1 has lost its config blob");
  await importText(engine, "web:1", "one");
  expect(engine.images.resolve("web:1").config.command).toEqual([]);
  await engine.images.remove("web:1", false);
  expect(await leftovers(engine)).toEqual([]);
});

it("makes the starter image once, the same each time", async () => {
  await using engine = await openImagesEngine();
  const made = await ensureStarterImage(engine.images, engine.database, quietWork);
  expect(engine.images.list()).toMatchObject([{ references: [starterReference], command: ["sh"], id: made?.id }]);
  expect(await ensureStarterImage(engine.images, engine.database, quietWork)).toBeNull();
  await engine.images.remove(starterReference, false);
  expect(await ensureStarterImage(engine.images, engine.database, quietWork)).toBeNull();
  expect(await leftovers(engine)).toEqual([]);
  engine.database.exec("DELETE FROM settings");
  expect(await ensureStarterImage(engine.images, engine.database, quietWork)).toEqual(made);
});
