import { expect, it } from "vitest";
import { saveEnd, saveHeader, savePadding } from "../../../engine/images/save-tar.ts";
import { ByteReader } from "../../../engine/lib/byte-reader.ts";
import { TarReader } from "../../../engine/lib/tar-reader.ts";

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

it.each([0, 1, 511, 512, 8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 3 * 1024 ** 4])(
  "writes a header that says %d bytes",
  async (size) => {
    const tar = new TarReader(new ByteReader(once(saveHeader("blobs/sha256/abc", size))));
    expect(await tar.next()).toMatchObject({ path: "blobs/sha256/abc", type: "file", size });
  },
);

it("fills up blocks and records", async () => {
  expect([0, 1, 511, 512, 513].map((size) => savePadding(size).length)).toEqual([0, 511, 1, 0, 511]);
  for (const written of [0, 512, 9_216, 9_728, 10_240]) {
    const end = saveEnd(written).length;
    expect(end).toBeGreaterThanOrEqual(1_024);
    expect((written + end) % 10_240).toBe(0);
  }
});

it("writes directories", async () => {
  const tar = new TarReader(new ByteReader(once(Buffer.concat([saveHeader("blobs/", 0), saveEnd(512)]))));
  expect(await tar.next()).toMatchObject({ path: "blobs/", type: "directory" });
  expect(await tar.next()).toBeNull();
});
