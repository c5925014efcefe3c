import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatHeader, paddingOf } from "../../../engine/layers/tar-header.ts";
import { runCommand } from "../measure.ts";

/** An image in the registry and in a docker-archive, both with the same layers. */
export type BenchImage = {
  /** For people. */
  readonly label: string;
  /** Name at the registry, and in the archive. */
  readonly name: string;
  readonly archive: string;
};

type Layer = { readonly path: string; readonly hex: string };

/** Files of the image of many small files, 2.5 KB each on average, and how many lie in a directory. */
const smallFiles = 20_000;
const perDirectory = 100;
const layerCount = 10;

/** Splits a root file system's tar into ten layers of about one size, in the order of paths: each with the directories it needs. */
export async function makeTenLayers(tar: string, directory: string): Promise<Layer[]> {
  const root = join(directory, "rootfs");
  mkdirSync(root, { recursive: true });
  runCommand(["tar", "-C", root, "--xattrs", "-xpf", tar]);
  const lines = runCommand(["find", root, "-mindepth", "1", "-printf", "%s %y %P\n"]).split("\n").sort(byPath);
  const total = lines.reduce((sum, line) => sum + sizeIn(line), 0);
  const groups: string[][] = Array.from({ length: layerCount }, () => []);
  let before = 0;
  for (const line of lines) {
    groups[Math.min(layerCount - 1, Math.floor((before / total) * layerCount))]?.push(line);
    before += sizeIn(line);
  }
  const layers: Layer[] = [];
  for (const [position, group] of groups.entries()) {
    const path = join(directory, `layer-${position}.tar`);
    layers.push(await packLayer(root, withParents(group.map(pathIn)), path));
  }
  rmSync(root, { recursive: true });
  return layers;
}

async function packLayer(root: string, paths: readonly string[], tar: string): Promise<Layer> {
  const list = `${tar}.list`;
  writeFileSync(list, paths.join("\n"));
  runCommand(["tar", "-C", root, "--no-recursion", "--numeric-owner", "-cf", tar, "-T", list]);
  rmSync(list);
  return layerOf(tar);
}

function byPath(one: string, other: string): number {
  return pathIn(one) < pathIn(other) ? -1 : 1;
}

function sizeIn(line: string): number {
  const [size, type] = line.split(" ");
  return type === "f" ? Number(size) : 512;
}

function pathIn(line: string): string {
  return line.slice(line.indexOf(" ", line.indexOf(" ") + 1) + 1);
}

function withParents(paths: readonly string[]): string[] {
  const all = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let depth = 1; depth <= parts.length; depth += 1) all.add(parts.slice(0, depth).join("/"));
  }
  return [...all];
}

/** One layer of 20,000 files, such as a package manager leaves. The same bytes in every run. */
export async function makeSmallFiles(tar: string, count = smallFiles): Promise<Layer> {
  const parts: Uint8Array[] = [];
  const attributes = { linkPath: "", uid: 0, gid: 0, seconds: 1_700_000_000, major: 0, minor: 0, xattrs: [] };
  for (let index = 0; index < count; index += 1) {
    const directory = `srv/modules/package-${Math.floor(index / perDirectory)}`;
    if (index === 0) {
      for (const path of ["srv", "srv/modules"]) {
        parts.push(formatHeader({ ...attributes, type: "directory", path, mode: 0o755, size: 0 }));
      }
    }
    if (index % perDirectory === 0) {
      parts.push(formatHeader({ ...attributes, type: "directory", path: directory, mode: 0o755, size: 0 }));
    }
    const bytes = smallFile(index);
    const path = `${directory}/file-${index}.js`;
    parts.push(formatHeader({ ...attributes, type: "file", path, mode: 0o644, size: bytes.length }), bytes);
    parts.push(Buffer.alloc(paddingOf(bytes.length)));
  }
  writeFileSync(tar, Buffer.concat([...parts, Buffer.alloc(1024)]));
  return layerOf(tar);
}

/** 0.5 to 4.5 KB that compress about as source code does. */
function smallFile(index: number): Buffer {
  const lines: string[] = [];
  const wanted = 500 + ((index * 7919) % 4000);
  for (let size = 0, line = 0; size < wanted; line += 1) {
    const hash = createHash("md5").update(`${index} ${line}`).digest("hex").slice(0, 12);
    const text = `export const value${line} = require("module-${hash}");\n`;
    lines.push(text);
    size += text.length;
  }
  return Buffer.from(lines.join(""));
}

/** Another layer with the same files and one more. */
export async function makeVariant(layer: Layer, directory: string): Promise<Layer> {
  const tar = join(directory, "variant.tar");
  writeFileSync(join(directory, "marker"), "this layer is another one\n");
  runCommand(["cp", layer.path, tar]);
  runCommand(["tar", "-C", directory, "-rf", tar, "marker"]);
  return layerOf(tar);
}

export async function layerOf(path: string): Promise<Layer> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return { path, hex: hash.digest("hex") };
}

/** A docker-archive of these layers, as `docker save` names its files. */
export function writeArchive(archive: string, name: string, layers: readonly Layer[]): void {
  const directory = `${archive}.d`;
  mkdirSync(directory, { recursive: true });
  const created = "2026-01-01T00:00:00Z";
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created,
    config: { Cmd: ["sh"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ hex }) => `sha256:${hex}`) },
    history: layers.map((_, position) => ({ created, created_by: `step ${position}` })),
  });
  const id = createHash("sha256").update(config).digest("hex");
  writeFileSync(join(directory, `${id}.json`), config);
  const files = layers.map(({ path, hex }) => {
    mkdirSync(join(directory, hex));
    runCommand(["ln", path, join(directory, hex, "layer.tar")]);
    return `${hex}/layer.tar`;
  });
  const manifest = [{ Config: `${id}.json`, RepoTags: [`${name}:1`], Layers: files }];
  writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
  runCommand(["tar", "-C", directory, "-cf", `${archive}.part`, "manifest.json", `${id}.json`, ...files]);
  renameSync(`${archive}.part`, archive);
  rmSync(directory, { recursive: true });
}
