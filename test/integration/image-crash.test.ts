import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { dockerArchive } from "../support/images-archives.ts";
import { leftovers, openImagesEngine } from "../support/images-engine.ts";
import { imagesDirectory, tarOf } from "../support/images-tar.ts";

const loader = join(import.meta.dirname, "../support/images-loader.ts");

it("has the old or the new state after kill -9 at any moment, and sweeps the rest", async () => {
  await using directory = await imagesDirectory();
  const archive = join(directory.path, "archive.tar");
  const layers = [
    [["a", randomBytes(2_000_000)] as const],
    [["b", randomBytes(300_000)] as const],
    [["c", "c"] as const],
  ];
  writeFileSync(archive, await tarOf(await dockerArchive(layers, "example/crash:1")));
  const root = join(directory.path, "root");
  mkdirSync(root);

  for (const delay of [0, 7, 15, 30, 60, 100, 150]) {
    const child = spawn(process.execPath, [loader, root, archive], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await setTimeout(delay);
    child.kill("SIGKILL");
    await once(child, "close");

    await using engine = await openImagesEngine(root);
    for (const { id } of engine.images.list()) {
      const { chain } = engine.images.resolve(id);
      expect(chain.map((_, index) => engine.layers.find(chain.slice(0, index + 1))?.size)).toEqual([
        2_000_000, 300_000, 1,
      ]);
      await engine.images.remove(id, false);
    }
    expect(await leftovers(engine)).toEqual([]);
  }
});
