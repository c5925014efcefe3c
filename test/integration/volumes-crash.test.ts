import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { createContainer, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { anonymousVolume, expectVolumesInLine, namedVolume } from "../support/volumes.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const expectInLine = () => expectVolumesInLine(engine);

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
