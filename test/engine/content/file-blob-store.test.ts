import { randomBytes } from "node:crypto";
import { chmod, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openBlobStore } from "../../../engine/content/file-blob-store.ts";
import { sha256 } from "../../../engine/oci/digest.ts";
import { chunksOf, imagesDirectory } from "../../support/images-tar.ts";

it("keeps bytes by their digest, whatever the chunks", async () => {
  await using root = await imagesDirectory();
  const blobs = await openBlobStore(root.path);
  for (const [length, chunk] of [
    [0, 1],
    [5, 1],
    [3_000_000, 777],
    [5_000_000, 1 << 20],
  ] as const) {
    const bytes = randomBytes(length);
    await using ingest = await blobs.openIngest();
    for await (const piece of chunksOf(bytes, chunk)) await ingest.write(piece);
    const committed = await ingest.commit({ digest: sha256(bytes), size: length });
    expect(committed).toEqual({ digest: sha256(bytes), size: length });
    expect(await blobs.read(committed.digest)).toEqual(bytes);
    expect((await stat(blobs.pathOf(committed.digest))).mode & 0o777).toBe(0o444);
  }
  expect(await readdir(join(root.path, "blobs/ingest"))).toEqual([]);
});

it("leaves nothing of an ingest that is dropped or wrong", async () => {
  await using root = await imagesDirectory();
  const blobs = await openBlobStore(root.path);
  {
    await using ingest = await blobs.openIngest();
    await ingest.write(randomBytes(2_000_000));
  }
  for (const expected of [{ size: 4 }, { digest: sha256("other") }]) {
    await using ingest = await blobs.openIngest();
    await ingest.write(Buffer.from("bytes"));
    await expect(ingest.commit(expected)).rejects.toMatchObject({ code: "corrupt" });
  }
  expect(await readdir(join(root.path, "blobs/ingest"))).toEqual([]);
  expect(await blobs.list()).toEqual([]);
});

it("takes the same bytes from two at once", async () => {
  await using root = await imagesDirectory();
  const blobs = await openBlobStore(root.path);
  const commit = async () => {
    await using ingest = await blobs.openIngest();
    await ingest.write(Buffer.from("same"));
    return await ingest.commit();
  };
  await Promise.all([commit(), commit(), commit()]);
  expect(await blobs.list()).toEqual([sha256("same")]);
  expect(await readdir(join(root.path, "blobs/ingest"))).toEqual([]);
});

it("sweeps at open what a crash left, and ignores strangers", async () => {
  await using root = await imagesDirectory();
  const blobs = await openBlobStore(root.path);
  const ingest = await blobs.openIngest();
  await ingest.write(Buffer.from("lost"));
  await writeFile(join(root.path, "blobs/sha256/README"), "not ours");
  const again = await openBlobStore(root.path);
  expect(await readdir(join(root.path, "blobs/ingest"))).toEqual([]);
  expect(await again.list()).toEqual([]);
  await ingest[Symbol.asyncDispose]();
});

it("tells lost, damaged and oversized blobs apart", async () => {
  await using root = await imagesDirectory();
  const blobs = await openBlobStore(root.path);
  await expect(blobs.read(sha256("nothing"))).rejects.toMatchObject({ code: "not-found" });
  await using ingest = await blobs.openIngest();
  await ingest.write(Buffer.from("content"));
  const { digest } = await ingest.commit();
  await expect(blobs.read(digest, 3)).rejects.toMatchObject({ code: "corrupt" });
  await chmod(blobs.pathOf(digest), 0o644);
  await writeFile(blobs.pathOf(digest), "damage!");
  await expect(blobs.read(digest)).rejects.toThrow(/damaged on disk/);
  await using repair = await blobs.openIngest();
  await repair.write(Buffer.from("content"));
  await repair.commit();
  expect(String(await blobs.read(digest))).toBe("content");
  await blobs.remove(digest);
  await blobs.remove(digest);
  expect(await blobs.has(digest)).toBe(false);
});
