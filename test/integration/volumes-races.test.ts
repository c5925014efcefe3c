import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { createContainer, eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { anonymousVolume, namedVolume } from "../support/volumes.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const create = (name: string, options: Record<string, string> = {}) =>
  request("volumes.create", { name, driver: "local", options, labels: {} });
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const volumesDirectory = () => join(engine.config.root, "volumes");

/** What is on the disk, on record, and mounted, is the same. */
async function expectInLine(): Promise<void> {
  const listed = (await request("volumes.list", {})).map(({ name }) => name);
  await eventually(() => readdirSync(volumesDirectory()).every((name) => !name.startsWith(".")));
  expect(readdirSync(volumesDirectory()).sort()).toEqual(listed);
  for (const name of listed) expect(readdirSync(join(volumesDirectory(), name))).toEqual(["_data"]);
  expect((await request("system.fsck", { repair: false })).findings).toEqual([]);
  using database = new DatabaseSync(join(engine.config.root, "gantry.db"), { readOnly: true });
  expect(database.prepare("SELECT name FROM volumes ORDER BY name").all()).toEqual(listed.map((name) => ({ name })));
  expect(database.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
}

it("makes one volume for all who ask at once", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => create("same")));
  expect(new Set(made.map(({ createdAt }) => createdAt)).size).toBe(1);
  const all = await Promise.all([
    ...Array.from({ length: 6 }, () =>
      createContainer(engine, { mounts: [namedVolume("both", "/b"), anonymousVolume("/a")] }),
    ),
    create("both"),
  ]);
  const [both] = (await request("volumes.list", {})).filter(({ name }) => name === "both");
  expect(both?.usedBy).toHaveLength(6);
  await Promise.all(all.filter((one) => typeof one === "string").map(remove));
  expect((await request("volumes.list", {})).map(({ name }) => name)).toEqual(["both", "same"]);
  await Promise.allSettled(
    ["both", "same", "both", "same"].map((volume) => request("volumes.remove", { volume, force: false })),
  );
  await expectInLine();
});

it("leaves nothing of a creation that fails, but what others name by then", async () => {
  await createContainer(engine, { name: "taken" });
  const mounts = [namedVolume("fresh", "/f"), anonymousVolume("/a")];
  await expect(createContainer(engine, { name: "taken", mounts })).rejects.toMatchObject({ code: "already-exists" });
  await expect(createContainer(engine, { mounts: [...mounts, namedVolume("bad name", "/x")] })).rejects.toThrow(
    "is not valid",
  );
  await expect(createContainer(engine, { mounts: [...mounts, namedVolume("other", "/f")] })).rejects.toThrow(
    "is used twice",
  );
  const driver = { driver: "nfs-plugin" };
  await expect(createContainer(engine, { mounts: [...mounts, namedVolume("d", "/d", driver)] })).rejects.toThrow(
    "no driver",
  );
  expect(await request("volumes.list", {})).toEqual([]);
  await remove("taken");
  await expectInLine();
});

it("stays in line while containers and volumes come and go, and the engine is killed", async () => {
  const names = ["one", "two", "three"];
  let isOver = false;
  const clients = Array.from({ length: 5 }, async (_, client) => {
    for (let round = 0; !isOver; round++) {
      const name = names[(client + round) % 3] ?? "";
      const mounts = [namedVolume(name, "/n"), anonymousVolume("/etc"), anonymousVolume("/empty")];
      await (client === 4
        ? request("volumes.prune", { all: true, labels: [], dryRun: false })
        : createContainer(engine, { mounts, autoRemove: round % 2 === 0 }).then(async (container) => {
            if (round % 3 === 0) await request("containers.start", { container });
            await remove(container);
          })
      ).catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
    }
  });
  for (const pause of [400, 700]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await engine.stop("SIGKILL");
    await engine.start();
  }
  isOver = true;
  await Promise.all(clients);
  for (const { id } of await request("containers.list", { all: true })) await remove(id).catch(() => {});
  const left = await request("volumes.list", {});
  expect(left.filter(({ anonymous, usedBy }) => anonymous || usedBy.length > 0)).toEqual([]);
  await expectInLine();
  await request("volumes.prune", { all: true, labels: [], dryRun: false });
  await expectInLine();
});

it("finishes a removal with volumes that was cut off", async () => {
  const files = Array.from({ length: 100 }, (_, index) => `f${index}`);
  for (const delay of [2, 8]) {
    const container = await createContainer(engine, { mounts: [anonymousVolume("/a"), namedVolume("kept", "/k")] });
    const [anonymous] = (await request("volumes.list", {})).filter((volume) => volume.anonymous);
    for (const file of files) writeFileSync(join(anonymous?.mountpoint ?? "", file), file);
    remove(container).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, delay));
    await engine.stop("SIGKILL");
    await engine.start();
    const listed = await request("containers.list", { all: true });
    if (listed.length > 0) await remove(container);
    expect((await request("volumes.list", {})).map(({ name }) => name)).toEqual(["kept"]);
    await expectInLine();
  }
  await request("volumes.remove", { volume: "kept", force: false });
});

it("takes the volumes of --rm along, also when the container ends while no engine is there", async () => {
  await runContainer(engine, {
    command: ["sleep", "0.5"],
    autoRemove: true,
    mounts: [anonymousVolume("/a"), namedVolume("kept", "/k")],
  });
  await engine.stop("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 700));
  await engine.start();
  expect((await request("volumes.list", {})).map(({ name }) => name)).toEqual(["kept"]);
  await request("volumes.remove", { volume: "kept", force: false });
  await expectInLine();
});

it("is purged without harm to what it has mounted", async () => {
  const outside = mkdtempSync("/tmp/gantry-test-");
  try {
    mkdirSync(join(outside, "sub"));
    writeFileSync(join(outside, "sub/f"), "mine");
    const second = await startTestEngine();
    const options = { type: "none", device: outside, o: "bind" };
    await second.client.request("volumes.create", { name: "host", driver: "local", options, labels: {} });
    await runContainer(second, { mounts: [namedVolume("host", "/h"), namedVolume("host", "/s", { subpath: "sub" })] });
    await second.stop("SIGKILL");
    await second[Symbol.asyncDispose]();
    expect(readFileSync(join(outside, "sub/f"), "utf8")).toBe("mine");
    expect(listMounts().filter(({ target }) => target.startsWith(second.config.root))).toEqual([]);
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
});
