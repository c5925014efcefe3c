import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { dockerArchive, ociArchive } from "../support/images-archives.ts";
import { leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { chunksOf, type TarItem, tarOf } from "../support/images-tar.ts";

type Items = [name: string, item: TarItem][];

const big = randomBytes(200_000);
const layers = [[["etc/motd", "hello"] as const, ["big", big] as const], [["etc/other", "world"] as const]];

/** The entries of a good docker-archive with one of them changed, taken out or added. */
async function spoiled(name: string, item: TarItem | null): Promise<Items> {
  const items = await dockerArchive(layers, "example/bad:1");
  const others = items.filter(([known]) => known !== name);
  return item === null ? others : [...others, [name, item]];
}

const manifestOf = (change: Record<string, unknown>): string =>
  JSON.stringify([{ Config: "config.json", RepoTags: null, Layers: ["0/layer.tar", "1/layer.tar"], ...change }]);

async function ociWith(change: (items: Map<string, TarItem>) => void): Promise<Items> {
  const items = await ociArchive(
    [{ architecture: process.arch === "arm64" ? "arm64" : "amd64", text: "hello" }],
    "example/bad:1",
  );
  change(items);
  return [...items];
}

const spoilFirstBlob = (items: Map<string, TarItem>, spoil: (bytes: Buffer) => Buffer): void => {
  const [name, bytes] = [...items].find(([path]) => path.startsWith("blobs/")) ?? ["", ""];
  items.set(name, spoil(bytes as Buffer));
};

const hostile: Record<string, { items: () => Promise<Items>; message: RegExp; code?: string }> = {
  "lacks a layer": { items: () => spoiled("1/layer.tar", null), message: /archive lacks layer "1\/layer\.tar"/ },
  "lacks its config": { items: () => spoiled("config.json", null), message: /archive lacks "config\.json"/ },
  "lacks its manifest": {
    items: () => spoiled("manifest.json", null),
    message: /neither manifest\.json nor index\.json/,
  },
  "is empty": { items: async () => [], message: /archive is empty/ },
  "has no image": { items: () => spoiled("manifest.json", "[]"), message: /holds no image/ },
  "has another layer than its config says": {
    items: async () => spoiled("1/layer.tar", await tarOf([["etc/other", "evil!"]])),
    message: /sha256:/,
  },
  "has a layer that is no tar": { items: () => spoiled("1/layer.tar", randomBytes(70_000)), message: /./ },
  "has a manifest of nonsense": { items: () => spoiled("manifest.json", "{]"), message: /not valid json/ },
  "has a manifest of another form": {
    items: () => spoiled("manifest.json", '[{"Config":1}]'),
    message: /malformed at 0\.Config/,
  },
  "has a giant manifest": {
    items: () => spoiled("manifest.json", Buffer.alloc(9_000_000, 0x20)),
    message: /at most 8388608 are read/,
  },
  "has a manifest that climbs out": {
    items: () => spoiled("manifest.json", manifestOf({ Config: "../../../etc/shadow" })),
    message: /archive lacks/,
  },
  "has a name that is none": {
    items: () => spoiled("manifest.json", manifestOf({ RepoTags: ["../Evil:\u001b[2J"] })),
    message: /a name that is none: "\.\.\/Evil:\\u001b\[2J"/,
  },
  "has a name that hides an ID": {
    items: () => spoiled("manifest.json", manifestOf({ RepoTags: ["sha256:abcd"] })),
    message: /a name that is none/,
  },
  "has more layers than its config": {
    items: () => spoiled("manifest.json", manifestOf({ Layers: ["0/layer.tar", "1/layer.tar", "1/layer.tar"] })),
    message: /names 2 layers, the manifest has 3/,
  },
  "has two of a name": {
    items: async () => [...(await spoiled("none", null)), ["config.json", "{}"]],
    message: /two different/,
  },
  "climbs out": { items: async () => [...(await spoiled("none", null)), ["../x", "y"]], message: /points out of/ },
  loops: {
    items: async () => [
      ...(await spoiled("1/layer.tar", null)),
      ["1/layer.tar", { type: "symlink", linkname: "../2/layer.tar" }],
      ["2/layer.tar", { type: "symlink", linkname: "../1/layer.tar" }],
    ],
    message: /loop of links/,
  },
  "is for windows": {
    items: () => dockerArchive(layers, "example/bad:1", { os: "windows" }),
    message: /is for windows/,
    code: "unimplemented",
  },
  "has a layer that writes outside": {
    items: () => dockerArchive([...layers, [["../../../../etc/evil", "x"]]], "example/bad:1"),
    message: /etc\/evil/,
  },
  "has a blob with other bytes": {
    items: () => ociWith((items) => spoilFirstBlob(items, (bytes) => Buffer.from(bytes).fill(1, 0, 1))),
    message: /has other bytes: they hash to/,
  },
  "has a blob of another size": {
    items: () =>
      ociWith((items) => items.set("index.json", String(items.get("index.json")).replace(/"size":\d+/, '"size":7'))),
    message: /has \d+ bytes instead of \d+/,
  },
  "has an index that refers to nothing": {
    items: () =>
      ociWith((items) =>
        [...items.keys()].filter((path) => path.startsWith("blobs/")).map((path) => items.delete(path)),
      ),
    message: /archive lacks "blobs\/sha256\//,
  },
};

it.each(Object.keys(hostile))("refuses an archive that %s and leaves nothing", async (name) => {
  const { items, message, code = "corrupt" } = hostile[name] ?? { items: async () => [], message: /never/ };
  await using engine = await openImagesEngine();
  const archive = await tarOf(await items());
  await expect(engine.images.load(chunksOf(archive), quietWork)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(await leftovers(engine)).toEqual([]);
});

it("refuses a layer that is not what a layer already here was", async () => {
  await using engine = await openImagesEngine();
  await engine.images.load(chunksOf(await tarOf(await dockerArchive(layers, "example/good:1"))), quietWork);
  const before = await leftovers(engine);
  const evil = await tarOf([["etc/other", "evil!"]]);
  for (const bytes of [evil, gzipSync(evil)]) {
    const archive = await tarOf(await spoiled("1/layer.tar", bytes));
    await expect(engine.images.load(chunksOf(archive), quietWork)).rejects.toThrow(/layer digest mismatch/);
  }
  expect(await leftovers(engine)).toEqual(before);
});

it("takes a layer from the store that the archive lacks", async () => {
  await using engine = await openImagesEngine();
  await engine.images.load(chunksOf(await tarOf(await dockerArchive(layers, "example/good:1"))), quietWork);
  const thin = await spoiled("0/layer.tar", null);
  await expect(engine.images.load(chunksOf(await tarOf(thin)), quietWork)).resolves.toMatchObject([
    { references: ["example/bad:1"] },
  ]);
});

it("leaves nothing of a load that breaks off or is cancelled", async () => {
  await using engine = await openImagesEngine();
  const archive = await tarOf(await dockerArchive(layers, "example/bad:1"));
  const broken = chunksOf(gzipSync(archive).subarray(0, 150_000));
  await expect(engine.images.load(broken, quietWork)).rejects.toMatchObject({ code: "corrupt" });

  const stop = new AbortController();
  async function* silent() {
    yield archive.subarray(0, 150_000);
    setTimeout(() => stop.abort(), 20);
    await new Promise(() => {});
  }
  const work = { ...quietWork, signal: stop.signal };
  await expect(engine.images.load(silent(), work)).rejects.toMatchObject({ code: "cancelled" });
  await expect(
    engine.images.import(silent(), { reference: null, changes: [], message: "" }, work),
  ).rejects.toMatchObject({
    code: "cancelled",
  });

  async function* failing() {
    yield archive.subarray(0, 150_000);
    throw new Error("the client went away");
  }
  await expect(engine.images.load(failing(), quietWork)).rejects.toThrow("the client went away");
  expect(await leftovers(engine)).toEqual([]);
});
