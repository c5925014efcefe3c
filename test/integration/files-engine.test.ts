import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { FileSubject } from "../../engine/protocol/files.ts";
import { download } from "../../src/client/download.ts";
import { eventually, runContainer, starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

const image: FileSubject = { type: "image", name: starterImage, layer: null, view: "upTo" };
const page = { path: "/", filter: null, order: "name", offset: 0, limit: 100 } as const;

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});

afterAll(() => engine[Symbol.asyncDispose]());

it("lists, reads and packs files of an image", async () => {
  const { entries } = await engine.client.request("files.list", { subject: image, ...page });
  expect(entries.map(({ path }) => path)).toEqual(expect.arrayContaining(["/bin", "/etc"]));
  const { bytes, size } = await engine.client.request("files.read", {
    subject: image,
    path: "/etc/group",
    offset: 5,
    length: 10,
  });
  expect(Buffer.from(bytes, "base64")).toHaveLength(10);
  expect(size).toBeGreaterThan(15);
  const chunks: Buffer[] = [];
  const archive = await download(
    engine.client,
    async (chunk) => void chunks.push(Buffer.from(chunk)),
    (streamID) => engine.client.request("files.archive", { subject: image, path: "/etc", streamID }),
  );
  expect(archive.bytes).toBe(Buffer.concat(chunks).length);
  const names = execFileSync("tar", ["-tf", "-"], { input: Buffer.concat(chunks), encoding: "utf8" });
  expect(names.split("\n")).toContain("etc/group");
  expect(await engine.client.request("files.waste", { subject: image, limit: 10 })).toMatchObject({ efficiency: 1 });
});

it("sees a running container write, and its image beside it", async () => {
  const command = ["sh", "-c", "rm /etc/group; while true; do echo 0123456789 >> /var/grows; sleep 0.1; done"];
  const container = await runContainer(engine, { name: "writer", command });
  const own: FileSubject = { type: "container", name: "writer", layer: 1, view: "layer" };
  const biggest = { ...page, filter: { contains: "", minimumSize: 1, changed: false }, order: "size" } as const;
  const grown = async () => (await engine.client.request("files.list", { subject: own, ...biggest })).entries[0];
  await eventually(async () => (await grown())?.path === "/var/grows");
  const before = (await grown())?.size ?? 0;
  await eventually(async () => ((await grown())?.size ?? 0) > before);
  const compared = await engine.client.request("files.compare", {
    left: image,
    right: { ...own, layer: null, view: "upTo" },
    contains: "",
    offset: 0,
    limit: 100,
  });
  expect(compared.sharedLayers).toHaveLength(1);
  expect(compared.files).toContainEqual(expect.objectContaining({ path: "/etc/group", change: "removed" }));
  expect(compared.files).toContainEqual(expect.objectContaining({ path: "/var/grows", change: "added" }));
  await engine.client.request("containers.remove", { container, force: true, volumes: false });
  await expect(engine.client.request("files.list", { subject: own, ...page })).rejects.toMatchObject({
    code: "not-found",
  });
});

it("names what it does not find", async () => {
  const subject = { ...image, layer: 7 };
  await expect(engine.client.request("files.list", { subject, ...page })).rejects.toThrow(
    `files of ${starterImage}: layer 7 does not exist`,
  );
  const read = { subject: image, path: "/nothing", offset: 0, length: 1 };
  await expect(engine.client.request("files.read", read)).rejects.toThrow(
    `files of ${starterImage}: /nothing not found`,
  );
  const unknown = { ...image, name: "nobody" };
  await expect(engine.client.request("files.list", { subject: unknown, ...page })).rejects.toMatchObject({
    code: "not-found",
  });
});

it("browses a volume while a container writes to it, and one that has to be mounted", async () => {
  const volume = { type: "volume", source: "data", target: "/data", readOnly: false, createSource: true } as const;
  const command = ["sh", "-c", "mkdir /data/d; echo hello > /data/d/f; ln -s /etc/passwd /data/out; sleep 300"];
  const container = await runContainer(engine, { command, mounts: [{ ...volume, options: [] }] });
  const subject: FileSubject = { type: "volume", name: "data", layer: 0, view: "upTo" };
  const names = async (path: string) =>
    (await engine.client.request("files.list", { subject, ...page, path })).entries.map((entry) => entry.path);
  await eventually(async () => (await names("/")).length === 2);
  expect(await names("/")).toEqual(["/d", "/out"]);
  const read = (path: string) =>
    engine.client.request("files.read", { subject, path, offset: 0, length: 100 }).then(({ bytes }) => atob(bytes));
  expect(await read("/d/f")).toBe("hello\n");
  // A link is followed within the volume alone.
  await expect(read("/out")).rejects.toMatchObject({ code: "not-found" });
  await engine.client.request("containers.remove", { container, force: true, volumes: false });
  expect(await read("/d/f")).toBe("hello\n");
  await engine.client.request("volumes.remove", { volume: "data", force: false });
  await expect(names("/")).rejects.toMatchObject({ code: "not-found" });
  const options = { type: "tmpfs", device: "tmpfs" };
  await engine.client.request("volumes.create", { name: "memory", driver: "local", options, labels: {} });
  const memory = { ...subject, name: "memory" };
  expect(await engine.client.request("files.list", { subject: memory, ...page, path: "/" })).toMatchObject({
    total: 0,
  });
  expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain("/volumes/memory/");
});
