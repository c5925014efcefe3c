import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { deflateRawSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { isArchive } from "../../engine/builder/copy/unpack-archive.ts";
import { copyScene } from "../support/copy-scene.ts";
import { tarOf } from "../support/tar-of.ts";

const items = [
  { path: "d/", mode: 0o2750, uid: 5, gid: 6, mtime: 1_000_000_000 },
  { path: "d/f", data: "x", uid: 7, gid: 8, mode: 0o4711, mtime: 1_100_000_000 },
  { path: "d/h", type: "1", linkPath: "d/f" },
  { path: "l", type: "2", linkPath: "/etc/passwd", uid: 3 },
];

it.each(["cat", "gzip", "bzip2", "xz", "zstd"])(
  "unpacks a tar that is packed with %s, whatever its name",
  async (program) => {
    await using scene = await copyScene();
    writeFileSync(
      `${scene.context}/any.name`,
      execFileSync(program, ["-"], { input: tarOf(items).bytes, stdio: "pipe" }),
    );
    scene.sh("mkdir -m 1777 $R/t; touch -d @5 $R/t; mkdir $R/t/d; touch $R/t/d/old");
    await scene.copy({ sources: ["any.name"], target: "/t", unpack: true });
    expect(scene.sh("cd $R/t; stat -c '%n %a %u:%g %h' . d d/f l; stat -c %Y d d/f; readlink l; ls d")).toBe(
      ". 1777 0:0 3\nd 2750 5:6 2\nd/f 4711 7:8 2\nl 777 3:0 1\n1000000000\n1100000000\n/etc/passwd\nf\nh\nold\n",
    );
    await scene.copy({ sources: ["any.name"], target: "/new/u/", unpack: true, chown: "9:10", chmod: "600" });
    expect(scene.sh("cd $R/new/u; stat -c '%a %u:%g' . d d/f")).toBe("755 9:10\n2750 5:6\n4711 7:8\n");
  },
);

it.each([
  ["text", Buffer.from("hello\n".repeat(1000))],
  ["nothing", Buffer.alloc(0)],
  ["zeros", Buffer.alloc(10_240)],
  ["a compressed text", gzipSync("hello")],
  ["a broken compression", Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(100, 7)])],
  ["a zip", Buffer.concat([Buffer.from("PK\x03\x04"), deflateRawSync("x")])],
  ["xz without xz in it", Buffer.from("fd377a585a00ffffffff", "hex")],
  ["bzip2 without bzip2 in it", Buffer.from("BZh9 nothing")],
])("copies %s as it is", async (_, bytes) => {
  await using scene = await copyScene();
  writeFileSync(`${scene.context}/f.tar.gz`, bytes);
  await scene.copy({ sources: ["f.tar.gz"], target: "/t/", unpack: true });
  expect(scene.sh("cmp f.tar.gz $R/t/f.tar.gz && echo same")).toBe("same\n");
});

it("does not read a whole file of zeros to see that it is no archive", async () => {
  await using scene = await copyScene();
  scene.sh(
    "truncate -s 100G zeros; truncate -s 100G late; printf x | dd of=late bs=1 seek=600 conv=notrunc status=none",
  );
  for (const name of ["zeros", "late"]) {
    const fd = openSync(`${scene.context}/${name}`, "r");
    expect(await isArchive(fd)).toBe(false);
    closeSync(fd);
  }
});

it("does not unpack what is copied, nor archives in directories", async () => {
  await using scene = await copyScene({ "d/x": "" });
  writeFileSync(`${scene.context}/d/a.tar`, tarOf(items).bytes);
  await scene.copy({ sources: ["d/a.tar"], target: "/a/" });
  await scene.copy({ sources: ["d"], target: "/b/", unpack: true });
  expect(scene.sh("cd $R; find . -type f | sort")).toBe("./a/a.tar\n./b/a.tar\n./b/x\n");
});

it.each([
  ["a name that leads out", [{ path: "../evil", data: "x" }]],
  [
    "a link that leads out",
    [
      { path: "l", type: "2", linkPath: "../../../.." },
      { path: "l/evil", data: "x" },
    ],
  ],
  [
    "an absolute link",
    [
      { path: "l", type: "2", linkPath: "/up" },
      { path: "l/evil", data: "x" },
    ],
  ],
  ["a hard link to another's file", [{ path: "evil", type: "1", linkPath: "../../secret" }]],
])("never leaves the target by %s", async (_, hostile) => {
  await using scene = await copyScene();
  writeFileSync(`${scene.context}/a.tar`, tarOf(hostile).bytes);
  scene.sh("echo secret >../secret; mkdir -p $R/t/up; ln -s / $R/up");
  await scene.copy({ sources: ["a.tar"], target: "/t", unpack: true }).catch(() => {});
  expect(readdirSync(scene.root.path).sort()).toEqual(["context", "rootfs", "secret"]);
  expect(scene.sh("find $R ! -path $R/t/\\* -name evil; stat -c %h ../secret")).toBe("1\n");
});

it("says which archive is broken", async () => {
  await using scene = await copyScene();
  const whole = tarOf([
    { path: "f", data: "x".repeat(5000) },
    { path: "g", data: "y" },
  ]).bytes;
  writeFileSync(`${scene.context}/a.tar`, whole.subarray(0, 3000));
  writeFileSync(`${scene.context}/a.tgz`, gzipSync(whole).subarray(0, -12));
  for (const name of ["a.tar", "a.tgz"]) {
    const adding = scene.copy({ sources: [name], target: "/", unpack: true });
    await expect(adding).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(`unpack ${name}`) });
  }
});

it("ends a bomb before the disk is full", async () => {
  await using scene = await copyScene();
  scene.sh(
    "mount -t tmpfs -o size=8m tmpfs $R; truncate -s 100M zeros; tar cf - zeros | xz >bomb.tar.xz; tar cSf sparse.tar zeros",
  );
  for (const name of ["bomb.tar.xz", "sparse.tar"]) {
    await expect(scene.copy({ sources: [name], target: "/", unpack: true })).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("larger than what is free"),
    });
  }
  expect(scene.sh("df --output=used -k $R | tail -1").trim()).toMatch(/^\d{1,3}$/);
});
