import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setImmediate, setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { decompress, decompressForeign } from "../../../engine/host/decompress.ts";

type Packer = (bytes: Buffer) => Buffer;
const packBy =
  (program: string): Packer =>
  (input) =>
    execFileSync(program, ["-c"], { input, maxBuffer: 256 * 1024 * 1024 });
const packers: readonly [string, Packer][] = [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
  ["xz", packBy("xz")],
  ["bzip2", packBy("bzip2")],
];
const foreign = packers.slice(2);
const plain = Buffer.concat([Buffer.from("begin"), randomBytes(300_000), Buffer.alloc(2_000_000, "0123456789")]);

async function* piecesOf(bytes: Buffer, size = 50_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await setImmediate();
  }
}

/** Programs that this process started and that have not ended. */
function childrenCalled(name: string): number {
  const lists = globSync("/proc/self/task/*/children").map((path) => readFileSync(path, "utf8"));
  const pids = lists.flatMap((list) => list.split(" ").filter(Boolean));
  return pids.filter((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name).length;
}

describe("decompress", () => {
  it.each(packers)("gives what %s packed, in pieces of any size", async (_, pack) => {
    const packed = pack(plain);
    expect((await buffer(decompress(piecesOf(packed)))).equals(plain)).toBe(true);
    expect(await buffer(decompress(piecesOf(pack(Buffer.from("small")), 1)))).toEqual(Buffer.from("small"));
  });

  it("gives plain bytes as they are, however few", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("BZ"), plain]) {
      expect((await buffer(decompress(piecesOf(bytes)))).equals(bytes)).toBe(true);
    }
  });

  it.each(packers)("says of broken %s that it is, with the bytes before", async (_, pack) => {
    const packed = pack(plain);
    const broken = Buffer.concat([packed.subarray(0, 100_000), Buffer.alloc(100_000), packed.subarray(200_000)]);
    for (const bytes of [packed.subarray(0, 150_000), broken]) {
      await expect(buffer(decompress(piecesOf(bytes)))).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringMatching(/^compressed data is broken: ./),
      });
    }
  });

  it.each(packers)("fails with what its source of %s failed with", async (_, pack) => {
    const failing = async function* () {
      yield pack(plain).subarray(0, 100_000);
      throw new Error("the line went dead");
    };
    await expect(buffer(decompress(failing()))).rejects.toThrow("the line went dead");
  });

  it.each(foreign)(
    "ends the program of %s with who reads no further, and holds no more than it has to",
    async (name, pack) => {
      const zeros = pack(Buffer.alloc(64 * 1024 * 1024));
      let given = 0;
      const counted = async function* () {
        for await (const piece of piecesOf(Buffer.concat(Array.from({ length: 400 }, () => zeros)))) {
          given += piece.length;
          yield piece;
        }
      };
      for await (const bytes of decompress(counted())) {
        expect(bytes.length).toBeGreaterThan(0);
        await setTimeout(100);
        expect(childrenCalled(name)).toBe(1);
        break;
      }
      expect(given).toBeLessThan(1024 * 1024);
      await vi.waitFor(() => expect(childrenCalled(name)).toBe(0));
    },
  );

  it("lets no xz take as much memory as its file asks for", async () => {
    const packed = packBy("xz")(Buffer.from("little"));
    // The dictionary's size in the first block's header (The .xz File Format, sections 3.1 and 5.3.1), and its checksum.
    expect([...packed.subarray(12, 16)]).toEqual([2, 0, 0x21, 1]);
    packed[16] = 40;
    packed.writeUInt32LE(crc32(packed.subarray(12, 20)), 20);
    await expect(buffer(decompress(piecesOf(packed)))).rejects.toThrow(/memory usage limit/i);
  });

  it("names the program that a host lacks", async () => {
    const module = join(import.meta.dirname, "../../../engine/host/decompress.ts");
    const script = `import { decompress } from ${JSON.stringify(module)};
      const source = async function* () { yield Buffer.from("fd377a585a000004", "hex"); };
      await decompress(source()).next().catch(({ code, message, hint }) => console.log([code, message, hint].join("\\n")));`;
    const shell = `for place in /bin /usr/bin; do mount --bind /dev/null $place/xz; done; exec "$0" --input-type=module -e "$1"`;
    const args = ["-m", "sh", "-c", shell, process.execPath, script];
    const { stdout } = await promisify(execFile)("unshare", args);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "unimplemented",
      "archive is compressed with xz, and this host has no program xz",
      "install xz-utils (xz), or pass the archive through `xz -dc` first",
    ]);
  });
});

describe("decompressForeign", () => {
  it("undoes what layers are not kept in, and nothing else", async () => {
    for (const [, pack] of foreign) {
      expect((await buffer(decompressForeign(piecesOf(pack(plain))))).equals(plain)).toBe(true);
    }
    const zipped = gzipSync(plain);
    expect((await buffer(decompressForeign(piecesOf(zipped)))).equals(zipped)).toBe(true);
  });
});
