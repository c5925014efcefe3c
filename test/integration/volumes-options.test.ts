import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isMounted, unmount } from "../../engine/host/mounts.ts";
import { createContainer, eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { copyOut, entriesOf } from "../support/tar-listing.ts";
import { makeImage, namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
let outside: string;
beforeAll(async () => {
  engine = await startTestEngine();
  outside = mkdtempSync("/tmp/gantry-test-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const create = (name: string, options: Record<string, string>) =>
  request("volumes.create", { name, driver: "local", options, labels: {} });
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const dataOf = (name: string) => join(engine.config.root, "volumes", name, "_data");

it("mounts a tmpfs for its first user and unmounts it after the last, also across the death of the engine", async () => {
  await create("ram", { type: "tmpfs", device: "tmpfs", o: "size=3m,uid=7,mode=0750" });
  expect(isMounted(dataOf("ram"))).toBe(false);
  const mounts = [namedVolume("ram", "/ram")];
  const [one, two] = await Promise.all([runContainer(engine, { mounts }), runContainer(engine, { mounts })]);
  expect(isMounted(dataOf("ram"))).toBe(true);
  const look = ["sh", "-c", "echo here > /ram/f; stat -c '%u %a' /ram; df -k /ram | tail -1 | awk '{print $2}'"];
  expect(await outputOf(engine, look, { mounts })).toBe("7 750\n3072\n");
  await engine.stop("SIGKILL");
  await engine.start();
  expect(isMounted(dataOf("ram"))).toBe(true);
  await remove(one);
  expect(await outputOf(engine, ["cat", "/ram/f"], { mounts })).toBe("here\n");
  await engine.stop("SIGKILL");
  execFileSync("runc", ["--root", join(engine.config.run, "runtime/runc"), "kill", two, "KILL"]);
  await engine.start();
  await eventually(() => !isMounted(dataOf("ram")));
  await remove(two);
  // cp mounts it for as long as it looks.
  const stopped = await createContainer(engine, { mounts });
  expect(await entriesOf(await copyOut(engine, stopped, "/ram"))).toHaveLength(1);
  expect(isMounted(dataOf("ram"))).toBe(false);
  await remove(stopped);
  await request("volumes.remove", { volume: "ram", force: false });
});

it("binds a directory of the host, which outlives the volume", async () => {
  const device = join(outside, "bound dir");
  mkdirSync(device);
  writeFileSync(join(device, "f"), "mine\n");
  await create("bound", { type: "none", device, o: "bind,ro" });
  const mounts = [namedVolume("bound", "/b")];
  expect(await outputOf(engine, ["cat", "/b/f"], { mounts })).toBe("mine\n");
  await expect(outputOf(engine, ["touch", "/b/g"], { mounts })).rejects.toThrow("Read-only file system");
  // One that was mounted when the engine and the container were killed is found again, and not deleted through.
  await runContainer(engine, { mounts, autoRemove: true });
  await engine.stop("SIGKILL");
  await engine.start();
  for (const { id } of await request("containers.list", { all: true })) await remove(id);
  await request("volumes.remove", { volume: "bound", force: false });
  expect(existsSync(dataOf("bound"))).toBe(false);
  expect(readFileSync(join(device, "f"), "utf8")).toBe("mine\n");
});

it("copies what the image has into what is mounted anew and empty", async () => {
  const files = [
    { path: "data/", mode: 0o711, uid: 9 },
    { path: "data/f", data: "one\n" },
  ];
  await makeImage(engine, "opt:1", { files, changes: [] });
  const device = join(outside, "empty");
  mkdirSync(device);
  await create("filled", { type: "none", device, o: "bind" });
  const look = ["sh", "-c", "ls -a /data; stat -c '%u %a' /data"];
  const changes = { image: "opt:1", mounts: [namedVolume("filled", "/data")] };
  expect(await outputOf(engine, look, changes)).toBe(".\n..\nf\n9 711\n");
  expect(readdirSync(device)).toEqual(["f"]);
  rmSync(join(device, "f"));
  writeFileSync(join(device, "own"), "");
  expect(await outputOf(engine, look, changes)).toBe(".\n..\nown\n9 711\n");
  await request("volumes.remove", { volume: "filled", force: false });
  expect(readdirSync(device)).toEqual(["own"]);
});

it("says what is wrong with options, and undoes a start that fails", async () => {
  await expect(create("xx", { type: "tmpfs" })).rejects.toThrow('missing required option: "device"');
  await expect(create("xx", { typ: "tmpfs" })).rejects.toThrow('invalid option: "typ"');
  expect(await request("volumes.list", {})).toEqual([]);
  await create("nowhere", { type: "none", device: join(outside, "missing"), o: "bind" });
  await expect(create("nowhere", { type: "tmpfs", device: "tmpfs" })).rejects.toMatchObject({ code: "already-exists" });
  expect(await create("nowhere", {})).toMatchObject({ name: "nowhere" });
  const container = await createContainer(engine, {
    mounts: [namedVolume("nowhere", "/x"), namedVolume("fine", "/y")],
  });
  await expect(request("containers.start", { container })).rejects.toMatchObject({
    message: expect.stringMatching(/mount volume nowhere \(none .*missing\): special device .* does not exist/),
  });
  expect(isMounted(dataOf("nowhere"))).toBe(false);
  await remove(container);
  for (const volume of ["nowhere", "fine"]) await request("volumes.remove", { volume, force: false });
});

it("never deletes what somebody has mounted in a volume", async () => {
  const { mountpoint } = await create("mine", {});
  const inner = join(mountpoint, "inner");
  mkdirSync(inner);
  mkdirSync(join(outside, "precious"));
  writeFileSync(join(outside, "precious/f"), "x");
  execFileSync("mount", ["--bind", join(outside, "precious"), inner]);
  try {
    await expect(request("volumes.remove", { volume: "mine", force: true })).rejects.toThrow(
      `something is mounted in volume mine, at ${inner}`,
    );
    expect(await request("volumes.prune", { all: true, labels: [], dryRun: false })).toMatchObject({ removed: [] });
    expect(readdirSync(inner)).toEqual(["f"]);
    expect(await request("volumes.list", {})).toHaveLength(1);
  } finally {
    await unmount(inner);
  }
  await request("volumes.remove", { volume: "mine", force: false });
  expect(readdirSync(join(outside, "precious"))).toEqual(["f"]);
});
