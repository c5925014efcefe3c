import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createContainer,
  eventually,
  findContainer,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { anonymousVolume, namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const create = (name: string, options: Record<string, string> = {}, labels: Record<string, string> = {}) =>
  request("volumes.create", { name, driver: "local", options, labels });
const remove = (container: string, volumes = true) => request("containers.remove", { container, force: true, volumes });
const names = async () => (await request("volumes.list", {})).map(({ name }) => name);
const onDisk = () => readdirSync(join(engine.config.root, "volumes")).filter((name) => !name.startsWith("."));

const output = (command: string[], changes?: Parameters<typeof outputOf>[2]) => outputOf(engine, command, changes);

it("makes, lists, inspects and removes a volume, as docker does", async () => {
  const made = await create("data.1", {}, { tier: "db" });
  expect(made).toMatchObject({ name: "data.1", driver: "local", anonymous: false, usedBy: [], labels: { tier: "db" } });
  expect(made.mountpoint).toBe(join(engine.config.root, "volumes/data.1/_data"));
  expect(statSync(made.mountpoint).mode & 0o7777).toBe(0o755);
  // Nobody but root gets near what is setuid in there.
  expect(statSync(join(engine.config.root, "volumes")).mode & 0o007).toBe(0);
  expect(await create("data.1")).toMatchObject({ createdAt: made.createdAt });
  expect(await request("volumes.inspect", { volume: "data.1", usage: true })).toEqual({
    CreatedAt: made.createdAt,
    Driver: "local",
    Labels: { tier: "db" },
    Mountpoint: made.mountpoint,
    Name: "data.1",
    Options: null,
    Scope: "local",
    UsageData: { RefCount: 0, Size: 0 },
  });
  const anonymous = await create("");
  expect(anonymous.name).toMatch(/^[0-9a-f]{64}$/);
  expect(anonymous).toMatchObject({ anonymous: true, labels: { "com.docker.volume.anonymous": "" } });
  expect(await names()).toEqual([anonymous.name, "data.1"].sort());
  for (const volume of await names()) await request("volumes.remove", { volume, force: false });
  expect(await names()).toEqual([]);
  expect(onDisk()).toEqual([]);
  await expect(request("volumes.remove", { volume: "data.1", force: false })).rejects.toMatchObject({
    code: "not-found",
    message: "no such volume: data.1",
  });
  await request("volumes.remove", { volume: "data.1", force: true });
});

it("keeps what is written after the container, and tells who uses it", async () => {
  const mounts = [namedVolume("keep", "/data")];
  await output(["sh", "-c", "echo hello > /data/a; chmod 4755 /data/a; ln /data/a /data/b"], { mounts });
  const reader = await runContainer(engine, { mounts: [namedVolume("keep", "/data", { readOnly: true })] });
  const [volume] = await request("volumes.list", {});
  expect(volume).toMatchObject({ name: "keep", usedBy: [reader], anonymous: false });
  expect(await findContainer(engine, reader)).toMatchObject({
    mounts: [{ type: "volume", name: "keep", source: volume?.mountpoint, target: "/data", readOnly: true }],
  });
  await expect(request("volumes.remove", { volume: "keep", force: true })).rejects.toMatchObject({
    code: "failed-precondition",
    message: `volume keep is in use by container ${reader.slice(0, 12)}`,
  });
  await expect(
    output(["sh", "-c", "echo more >> /data/a"], { mounts: [namedVolume("keep", "/data", { readOnly: true })] }),
  ).rejects.toThrow("Read-only file system");
  await remove(reader);
  expect(await output(["sh", "-c", "cat /data/b; stat -c '%a %h' /data/a"], { mounts })).toBe("hello\n4755 2\n");
  await request("volumes.remove", { volume: "keep", force: false });
});

it("takes anonymous volumes away with --rm and rm -v, and only those", async () => {
  const auto = await runContainer(engine, {
    command: ["true"],
    autoRemove: true,
    mounts: [anonymousVolume("/a"), namedVolume("stays", "/b")],
  });
  await eventually(async () => (await findContainer(engine, auto)) === undefined);
  expect(await names()).toEqual(["stays"]);
  const kept = await createContainer(engine, { mounts: [anonymousVolume("/a")] });
  const [left] = (await names()).filter((name) => name !== "stays");
  await remove(kept, false);
  expect(await names()).toContain(left);
  const gone = await createContainer(engine, { mounts: [anonymousVolume("/a"), namedVolume(left ?? "", "/b")] });
  await remove(gone, true);
  expect((await names()).sort()).toEqual([left, "stays"].sort());
  await eventually(() => onDisk().length === 2);
  const plan = await request("volumes.prune", { all: false, labels: [], dryRun: true });
  expect(plan).toEqual({ removed: [{ name: left, size: 0 }], bytes: 0 });
  expect(await names()).toHaveLength(2);
  await request("volumes.prune", { all: false, labels: [], dryRun: false });
  expect(await names()).toEqual(["stays"]);
  expect(await request("volumes.prune", { all: true, labels: ["!none"], dryRun: false })).toMatchObject({
    removed: [{ name: "stays" }],
  });
  expect(existsSync(join(engine.config.root, "volumes/stays"))).toBe(false);
});

it("shares the mounts of another container", async () => {
  const first = await runContainer(engine, {
    command: ["sh", "-c", "echo mine > /one/f; echo named > /two/f; sleep 300"],
    mounts: [anonymousVolume("/one"), namedVolume("shared", "/two")],
    name: "first",
  });
  expect(await output(["sh", "-c", "sleep 0.2; cat /one/f /two/f"], { volumesFrom: ["first"] })).toBe("mine\nnamed\n");
  await expect(output(["touch", "/one/g"], { volumesFrom: ["first:ro"] })).rejects.toThrow("Read-only");
  // An own mount wins at the same target.
  const own = { volumesFrom: ["first"], mounts: [namedVolume("other", "/two")] };
  expect(await output(["sh", "-c", "ls /two; cat /one/f"], own)).toBe("mine\n");
  const second = await createContainer(engine, { volumesFrom: ["first"] });
  const anonymous = (await names()).filter((name) => name.length === 64);
  await remove(first);
  expect((await names()).filter((name) => name.length === 64)).toEqual(anonymous);
  await remove(second);
  expect(await names()).toEqual(["other", "shared"]);
  await expect(createContainer(engine, { volumesFrom: ["first"] })).rejects.toMatchObject({ code: "not-found" });
  await expect(createContainer(engine, { volumesFrom: [second.slice(0, 5), ":ro"] })).rejects.toThrow();
  await request("volumes.prune", { all: true, labels: [], dryRun: false });
});
