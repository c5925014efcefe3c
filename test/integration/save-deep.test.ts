import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { lgetxattr, lsetxattr } from "../../engine/host/syscalls.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { imageParts, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { saved } from "../support/images-save.ts";
import { chunksOf, imagesDirectory, type TarItem, tarOf } from "../support/images-tar.ts";

const load = (engine: ImagesEngine, archive: Buffer) => engine.images.load(chunksOf(archive), quietWork);

it("carries links, capabilities, attributes and 127 layers", async () => {
  await using directory = await imagesDirectory();
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
  const tree = join(directory.path, "tree");
  mkdirSync(tree);
  writeFileSync(join(tree, "ping"), "x");
  run("ln", join(tree, "ping"), join(tree, "pong"));
  run("ln", "-s", "ping", join(tree, "soft"));
  chmodSync(join(tree, "ping"), 0o4755);
  lsetxattr(join(tree, "ping"), "security.capability", capability);
  const first = join(directory.path, "first.tar");
  run("tar", "--xattrs", "--xattrs-include=*", "-C", tree, "-cf", first, ".");
  const rest = await Promise.all(Array.from({ length: 126 }, (_, index) => tarOf([[`file-${index}`, `${index}\n`]])));
  const tars = [readFileSync(first), ...rest];
  const { config } = await imageParts([], { rootfs: { type: "layers", diff_ids: tars.map(sha256) } });
  const items: [string, TarItem][] = tars.map((tar, index) => [`${index}.tar`, gzipSync(tar, { level: 1 })]);
  const manifest = [{ Config: "config.json", RepoTags: ["deep:1"], Layers: items.map(([name]) => name) }];
  await using engine = await openImagesEngine();
  await load(engine, await tarOf([["manifest.json", JSON.stringify(manifest)], ["config.json", config], ...items]));
  await using other = await openImagesEngine();
  await load(other, await saved(engine, ["deep:1"]));
  const { chain } = other.images.resolve("deep:1");
  expect(chain).toHaveLength(127);
  await other.layers.prepare("reader", chain);
  try {
    const rootfs = await other.layers.mount("reader");
    expect(readFileSync(join(rootfs, "file-125"), "utf8")).toBe("125\n");
    expect(run("stat", "-c", "%a %h", join(rootfs, "pong")).trim()).toBe("4755 2");
    expect(lgetxattr(join(rootfs, "pong"), "security.capability")).toEqual(capability);
    expect(run("readlink", join(rootfs, "soft")).trim()).toBe("ping");
  } finally {
    await other.layers.remove("reader");
  }
});
