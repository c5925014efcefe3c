import { afterAll, beforeAll, expect, it } from "vitest";
import { createContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { anonymousVolume, expectVolumesInLine, namedVolume } from "../support/volumes.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const create = (name: string, options: Record<string, string> = {}) =>
  request("volumes.create", { name, driver: "local", options, labels: {} });
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const expectInLine = () => expectVolumesInLine(engine);

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
  await expect(createContainer(engine, { mounts: [...mounts, namedVolume("dd", "/d", driver)] })).rejects.toThrow(
    "no driver",
  );
  expect(await request("volumes.list", {})).toEqual([]);
  await remove("taken");
  await expectInLine();
});

it("waits for a volume that is going, and makes it anew", async () => {
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 60 }, (_, index) => create(`v${index}`)));
    const pruned = request("volumes.prune", { all: true, labels: [], dryRun: false });
    const mounts = [namedVolume("v59", "/v"), namedVolume("v1", "/w")];
    const made = await Promise.all([createContainer(engine, { mounts }), createContainer(engine, { mounts })]);
    await pruned;
    await create("v58");
    const names = (await request("volumes.list", {})).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["v1", "v58", "v59"]));
    await Promise.all(made.map(remove));
    await request("volumes.prune", { all: true, labels: [], dryRun: false });
  }
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
