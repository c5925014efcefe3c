import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runCommand, sleep } from "../measure.ts";
import type { ImageEngine } from "./engines.ts";
import { BenchRegistry } from "./registry.ts";
import { type BenchImage, layerOf, makeSmallFiles, makeTenLayers, makeVariant, writeArchive } from "./sources.ts";

export type ImageWorkplace = {
  readonly engines: readonly ImageEngine[];
  readonly rounds: number;
  readonly images: readonly BenchImage[];
  /** The image of ten layers, and one that shares nine of them. */
  readonly ten: BenchImage;
  readonly variant: BenchImage;
  readonly registry: BenchRegistry;
  /** Where pushes go. */
  readonly target: BenchRegistry;
  /** Files that are copied into a container before it is committed. */
  readonly changes: string;
  /** For archives that are saved. */
  readonly saved: string;
};

/** Registries and sources lie in memory: what is measured is what the engines do with their own disks. */
export async function openImageWorkplace(
  place: string,
  debian: string,
  parts: { readonly engines: readonly ImageEngine[]; readonly rounds: number },
): Promise<ImageWorkplace & AsyncDisposable> {
  const memory = join(place, "sources");
  mkdirSync(memory);
  runCommand(["mount", "-t", "tmpfs", "-o", "size=6G", "tmpfs", memory]);
  console.error("bench: making images of one layer, of ten layers and of 20,000 files");
  const one = await layerOf(debian);
  const layers = await makeTenLayers(debian, memory);
  const last = layers.at(-1);
  const other = last === undefined ? [] : [await makeVariant(last, memory)];
  const registry = new BenchRegistry(join(memory, "registry"), 5000);
  const target = new BenchRegistry(join(memory, "target"), 5001);
  for (const each of [registry, target]) mkdirSync(join(memory, each === registry ? "registry" : "target"));
  await registry.start();
  await target.start();
  const image = (label: string, name: string, of: Parameters<typeof writeArchive>[2]): BenchImage => {
    const archive = join(memory, `${name}.tar`);
    const full = `${registry.address}/bench/${name}`;
    writeArchive(archive, full, of);
    runCommand(["skopeo", "copy", "--dest-tls-verify=false", `docker-archive:${archive}`, `docker://${full}:1`]);
    return { label, name: `${full}:1`, archive };
  };
  // Hard links of the archives' layers must not leave the file system.
  runCommand(["cp", one.path, join(memory, "one-layer.tar")]);
  const tens = image("10 layers", "ten", layers);
  const images = [
    image("1 layer", "one", [{ ...one, path: join(memory, "one-layer.tar") }]),
    tens,
    image("20,000 files", "files", [await makeSmallFiles(join(memory, "small.tar"))]),
  ];
  const variant = image("10 layers, 9 of them shared", "ten-other", [...layers.slice(0, -1), ...other]);
  return {
    ...parts,
    images,
    ten: tens,
    variant,
    registry,
    target,
    changes: await makeChanges(memory),
    saved: join(memory, "saved.tar"),
    async [Symbol.asyncDispose]() {
      await registry.stop();
      await target.stop();
    },
  };
}

async function makeChanges(memory: string): Promise<string> {
  const { path } = await makeSmallFiles(join(memory, "changes.tar"), 2000);
  const changes = join(memory, "changes");
  mkdirSync(changes);
  runCommand(["tar", "-C", changes, "-xf", path]);
  return changes;
}

/** Waits for what removals leave to be done in the background, and for the disks. */
export async function settle(): Promise<void> {
  await sleep(700);
  runCommand(["sync"]);
}
