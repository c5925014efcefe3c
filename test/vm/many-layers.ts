import { readFileSync, writeFileSync } from "node:fs";
import { type Header, pack } from "tar-stream";
import { sha256 } from "../../engine/oci/digest.ts";
import { collect } from "../support/collect.ts";

/** docker stops here. */
const layerCount = 127;

type Entry = readonly [header: Partial<Header> & { name: string }, content?: Buffer | string];

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry({ mtime: new Date(0), ...header }, content ?? "");
  tar.finalize();
  return Buffer.concat(await collect(tar as AsyncIterable<Buffer>));
}

/** Writes a docker-archive `many:layers` of busybox and as many layers as docker allows, each with a file of its own. */
async function main(path: string): Promise<void> {
  const base: Entry[] = [
    [{ name: "bin", type: "directory", mode: 0o755 }],
    [{ name: "bin/busybox", mode: 0o755 }, readFileSync("/bin/busybox")],
    ...["sh", "ls", "cat"].map((name): Entry => [{ name: `bin/${name}`, type: "symlink", linkname: "busybox" }]),
  ];
  const others = Array.from({ length: layerCount - 1 }, (_, index): Entry[] => [
    [{ name: "layers", type: "directory", mode: 0o755 }],
    [{ name: `layers/${index}`, mode: 0o644 }, "x"],
  ]);
  const tars = await Promise.all([base, ...others].map(tarOf));
  const imageConfig = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
  };
  const names = tars.map((_, index) => `${index}/layer.tar`);
  const manifest = [{ Config: "config.json", RepoTags: ["many:layers"], Layers: names }];
  const archive: Entry[] = [
    [{ name: "manifest.json" }, JSON.stringify(manifest)],
    [{ name: "config.json" }, JSON.stringify(imageConfig)],
    ...tars.map((tar, index): Entry => [{ name: names[index] ?? "" }, tar]),
  ];
  writeFileSync(path, await tarOf(archive));
}

await main(process.argv[2] ?? "many-layers.tar");
