import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeAll, expect, it, vi } from "vitest";
import { dockerFor, sendRaw } from "../support/docker-command.ts";
import { dockerEngineOfFile } from "../support/docker-engine-of-file.ts";
import { starterImage } from "../support/engine.ts";
import { tarOf } from "../support/tar-of.ts";
import { tempRoot } from "../support/temp-root.ts";

const { engine, ask, run } = dockerEngineOfFile();
const archive = "/containers/main/archive?path=";

beforeAll(async () => {
  const script =
    "mkdir /data; echo hello > /data/file; ln -s file /data/link; mkfifo /data/fifo; mknod -m 666 /data/device c 1 3; chmod 4755 /data/file; mkdir -m 1777 /data/tmp; sleep 1000";
  await run("main", { Cmd: ["sh", "-c", script] });
  await vi.waitFor(async () => expect(await stat("/data/tmp")).not.toBeNull());
});

async function stat(path: string): Promise<Record<string, unknown> | null> {
  const { config } = engine;
  const call = request({
    socketPath: config.dockerSocket,
    method: "HEAD",
    path: `${archive}${encodeURIComponent(path)}`,
  });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  const header = response.headers["x-docker-container-path-stat"];
  return header === undefined ? null : JSON.parse(Buffer.from(header, "base64").toString());
}

it.each([
  ["/data/file", { name: "file", size: 6, mode: 2 ** 23 + 0o755, linkTarget: "" }],
  ["/data", { name: "data", mode: 2 ** 31 + 0o755 }],
  ["/data/tmp/", { name: "tmp", mode: 2 ** 31 + 2 ** 20 + 0o777 }],
  ["/data/link", { name: "link", mode: 2 ** 27 + 0o777, linkTarget: "/data/file" }],
  ["/data/fifo", { mode: 2 ** 25 + 0o644 }],
  ["/data/device", { mode: 2 ** 26 + 2 ** 21 + 0o666 }],
])("tells what lies at %s as Go has it", async (path, expected) => {
  const found = await stat(path);
  expect(found).toMatchObject(expected);
  expect(found?.mtime).toMatch(/^\d{4}-\d\d-\d\dT/);
});

it("gives a path as tar, with what it is before it", async () => {
  const { status, headers, body } = await sendRaw(engine, `GET ${archive}/data/file`);
  expect(status).toBe(200);
  expect(headers["content-type"]).toBe("application/x-tar");
  expect(JSON.parse(Buffer.from(String(headers["x-docker-container-path-stat"]), "base64").toString())).toMatchObject({
    name: "file",
  });
  expect(body.toString("latin1", 0, 4)).toBe("file");
  expect(body.includes("hello\n")).toBe(true);
});

it("unpacks a tar below a directory, and says what is in its way", async () => {
  const tar = tarOf({ "sub/new": "fresh\n" }).bytes;
  expect(await sendRaw(engine, `PUT ${archive}/data/tmp`, { body: tar })).toMatchObject({ status: 200 });
  expect((await sendRaw(engine, `GET ${archive}/data/tmp/sub/new`)).body.includes("fresh\n")).toBe(true);
  expect(await sendRaw(engine, `PUT ${archive}/data/none`, { body: tar })).toMatchObject({ status: 404 });
  expect(await sendRaw(engine, `PUT ${archive}/data/file`, { body: tar })).toMatchObject({ status: 400 });
  expect(
    await sendRaw(engine, `PUT ${archive}/data`, { body: Buffer.from("no tar at all".repeat(100)) }),
  ).toMatchObject({ status: 400 });
  const directory = tarOf({ "file/x": "y" }).bytes;
  const query = "&noOverwriteDirNonDir=true";
  expect((await sendRaw(engine, `PUT ${archive}/data${query}`, { body: directory })).status).toBeGreaterThanOrEqual(
    400,
  );
  expect(await stat("/data/file")).toMatchObject({ size: 6 });
});

const packBy =
  (program: string) =>
  (input: Buffer): Buffer =>
    execFileSync(program, ["-c"], { input, maxBuffer: 64 * 1024 * 1024 });

it.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
  ["xz", packBy("xz")],
  ["bzip2", packBy("bzip2")],
] as const)("takes archives that %s packed: to unpack, to load, to import", async (program, pack) => {
  const tar = tarOf({ [`packed/${program}`]: "fresh\n" }).bytes;
  expect(await sendRaw(engine, `PUT ${archive}/data/tmp`, { body: pack(tar) })).toMatchObject({ status: 200 });
  expect((await sendRaw(engine, `GET ${archive}/data/tmp/packed/${program}`)).body.includes("fresh\n")).toBe(true);
  const imported = await sendRaw(engine, `POST /images/create?fromSrc=-&repo=by-${program}`, { body: pack(tar) });
  expect(imported.body.toString()).toMatch(/"status":"sha256:/);
  const saved = await sendRaw(engine, `GET /images/by-${program}/get`);
  await ask(`DELETE /images/by-${program}`);
  const loaded = await sendRaw(engine, "POST /images/load", { body: pack(saved.body) });
  expect(loaded.body.toString()).toContain(`Loaded image: by-${program}:latest`);
  expect(await ask(`DELETE /images/by-${program}`)).toMatchObject({ status: 200 });
  const half = pack(tar).subarray(0, 60);
  const refused = await sendRaw(engine, `PUT ${archive}/data/tmp`, { body: half });
  expect([refused.status, refused.body.toString()]).toEqual([
    400,
    expect.stringContaining("compressed data is broken"),
  ]);
});

it("refuses in docker's words", async () => {
  expect(await ask(`GET ${archive}/none`)).toEqual({
    status: 404,
    body: { message: "Could not find the file /none in container main" },
  });
  expect(await ask("GET /containers/main/archive")).toEqual({
    status: 400,
    body: { message: "bad parameter: 'path' cannot be empty" },
  });
  expect(await ask("GET /containers/none/archive?path=/")).toMatchObject({ status: 404 });
  expect(await ask("GET /containers/none/export")).toMatchObject({ status: 404 });
});

it("stays within the container whatever a path says", async () => {
  const { body } = await sendRaw(engine, `GET ${archive}${encodeURIComponent("/data/../../../../etc/passwd")}`);
  expect(body.toString("latin1", 0, 6)).toBe("passwd");
  expect(body.toString()).not.toContain(await readFile("/etc/passwd", "utf8"));
  const tar = tarOf({ "../../outside": "x" }).bytes;
  await sendRaw(engine, `PUT ${archive}/data/tmp`, { body: tar });
  await expect(readFile("/outside")).rejects.toThrow();
});

it("stops when the client goes in the middle", async () => {
  await ask("POST /containers/create?name=large", { Image: starterImage, Cmd: ["true"] });
  for (const path of ["/containers/large/export", `${archive}/`]) {
    const call = request({ socketPath: engine.config.dockerSocket, path });
    call.on("error", () => undefined);
    call.end();
    const [response] = await once(call, "response");
    await once(response, "data");
    call.destroy();
  }
  const upload = request({ socketPath: engine.config.dockerSocket, method: "PUT", path: `${archive}/data/tmp` });
  upload.on("error", () => undefined);
  upload.write(tarOf({ half: "x".repeat(100_000) }).bytes.subarray(0, 50_000));
  upload.destroy();
  expect(await ask("DELETE /containers/large")).toMatchObject({ status: 204 });
});

it("serves docker cp and export", async () => {
  await using root = await tempRoot();
  const docker = dockerFor(engine, root.path);
  const [source, target] = [join(root.path, "source"), join(root.path, "target")];
  await mkdir(join(source, "sub"), { recursive: true });
  await writeFile(join(source, "sub/file"), "content");
  await chmod(join(source, "sub/file"), 0o640);
  await symlink("sub/file", join(source, "link"));
  expect(await docker(["cp", source, "main:/opt"])).toMatchObject({ code: 0 });
  expect(await docker(["cp", "main:/opt", target])).toMatchObject({ code: 0 });
  expect(await readFile(join(target, "sub/file"), "utf8")).toBe("content");
  expect(await readlink(join(target, "link"))).toBe("sub/file");
  const followed = join(root.path, "followed");
  expect(await docker(["cp", "-L", "main:/opt/link", followed])).toMatchObject({ code: 0 });
  expect(await readFile(followed, "utf8")).toBe("content");
  const large = join(root.path, "large");
  const bytes = Buffer.alloc(40_000_000, "0123456789abcdef\n");
  await writeFile(large, bytes);
  expect(await docker(["cp", large, "main:/opt/"])).toMatchObject({ code: 0 });
  expect(await docker(["cp", "main:/opt/large", `${large}2`])).toMatchObject({ code: 0 });
  expect((await readFile(`${large}2`)).equals(bytes)).toBe(true);
  expect(await docker(["cp", "main:/none", target])).toMatchObject({ code: 1 });
  const exported = join(root.path, "exported.tar");
  expect(await docker(["export", "-o", exported, "main"])).toMatchObject({ code: 0 });
  expect((await readFile(exported)).includes("data/file")).toBe(true);
}, 60_000);
