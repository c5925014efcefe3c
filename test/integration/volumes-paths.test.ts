import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createContainer,
  findContainer,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { copyOut, listingOf } from "../support/tar-listing.ts";
import { namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
let outside: string;
beforeAll(async () => {
  engine = await startTestEngine();
  outside = mkdtempSync("/tmp/gantry-test-");
  writeFileSync(join(outside, "secret"), "of the host\n");
  const script = `cd /v; mkdir -p a/b; echo deep > a/b/f; ln -s a/b inside; ln -s /a/b absolute; ln -s ${outside} out; ln -s ../../../../../../..${outside}/secret file`;
  await outputOf(engine, ["sh", "-c", script], { mounts: [namedVolume("vv", "/v")] });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const part = (subpath: string, target = "/s") => ({ mounts: [namedVolume("vv", target, { subpath })] });
const bind = (source: string, target: string, more: object = {}) => {
  return { type: "bind" as const, source, target, readOnly: false, createSource: true, options: [], ...more };
};

it("mounts a part of a volume, through links only as far as they stay inside it", async () => {
  expect(await outputOf(engine, ["cat", "/s/f"], part("a/b"))).toBe("deep\n");
  expect(await outputOf(engine, ["cat", "/s"], part("a/b/f"))).toBe("deep\n");
  expect(await outputOf(engine, ["cat", "/s/f"], part("inside"))).toBe("deep\n");
  expect(await outputOf(engine, ["cat", "/s/f"], part("absolute"))).toBe("deep\n");
  expect(await outputOf(engine, ["cat", "/s/f"], part("a/../a/./b/"))).toBe("deep\n");
  for (const subpath of ["out", "file", "none", "a/b/f/x"]) {
    const container = await createContainer(engine, part(subpath));
    await expect(request("containers.start", { container })).rejects.toThrow(`volume vv has no ${subpath}`);
    await remove(container);
  }
  for (const subpath of ["/a", "../v", "a/../../x", ".."]) {
    await expect(createContainer(engine, part(subpath))).rejects.toThrow("is not a relative path inside it");
  }
  const container = await createContainer(engine, part("a/b"));
  const inspected = (await request("containers.inspect", { container })) as { Mounts: unknown[] };
  expect(inspected.Mounts).toEqual([
    {
      Type: "volume",
      Name: "vv",
      Source: join(engine.config.root, "volumes/vv/_data"),
      Destination: "/s",
      Driver: "local",
      Mode: "z",
      RW: true,
      Propagation: "",
    },
  ]);
  expect(await listingOf(await copyOut(engine, container, "/s"))).toEqual(["s/", "s/f = deep"]);
  await remove(container);
  const led = await createContainer(engine, part("out"));
  await expect(copyOut(engine, led, "/s/secret")).rejects.toThrow();
  await remove(led);
});

it("never mounts the host where a subpath is swapped for a link at the same moment", async () => {
  const script = `cd /v; mkdir real; ln -s ${outside} lure; while :; do mv real swap; mv lure real; mv real lure; mv swap real; done`;
  const swapper = await runContainer(engine, { command: ["sh", "-c", script], mounts: [namedVolume("vv", "/v")] });
  const seen = new Set<string>();
  for (let round = 0; round < 10; round++) {
    const container = await createContainer(engine, {
      command: ["sh", "-c", "echo mounted; ls -A /s"],
      ...part("real"),
    });
    try {
      await request("containers.start", { container });
      await request("containers.wait", { container, condition: "stopped" });
      seen.add(await readLog(engine, container));
    } catch (error) {
      seen.add(String(error).replace(/.*(has no real).*/s, "$1"));
    }
    await remove(container);
  }
  expect(["mounted\n", "has no real"]).toEqual(expect.arrayContaining([...seen]));
  await remove(swapper);
});

it("follows a bind source that is a link, as the user who named it wants, and refuses one that leads nowhere", async () => {
  symlinkSync(outside, join(outside, "self"));
  symlinkSync("/nowhere/at/all", join(outside, "dangling"));
  expect(await outputOf(engine, ["cat", "/b/secret"], { mounts: [bind(join(outside, "self"), "/b")] })).toBe(
    "of the host\n",
  );
  const dangling = await createContainer(engine, { mounts: [bind(join(outside, "dangling"), "/b")] });
  await expect(request("containers.start", { container: dangling })).rejects.toThrow("cannot be made");
  await remove(dangling);
  await outputOf(engine, ["touch", "/b/made"], { mounts: [bind(join(outside, "new/deep"), "/b")] });
  expect(existsSync(join(outside, "new/deep/made"))).toBe(true);
  const missing = { mounts: [bind(join(outside, "missing"), "/b", { createSource: false })] };
  await expect(createContainer(engine, missing)).rejects.toThrow("does not exist on this host");
  expect(readdirSync(outside).sort()).toEqual(["dangling", "new", "secret", "self"]);
});

it("mounts below a source only where that is wanted, and read-only as deep as that", async () => {
  const source = join(outside, "tree");
  execFileSync("sh", ["-ec", `mkdir -p ${source}/sub; mount -t tmpfs none ${source}/sub; touch ${source}/sub/inner`]);
  try {
    const write = ["sh", "-c", "ls /b/sub; touch /b/sub/x && echo written"];
    expect(await outputOf(engine, write, { mounts: [bind(source, "/b")] })).toBe("inner\nwritten\n");
    expect(await outputOf(engine, ["ls", "/b/sub"], { mounts: [bind(source, "/b", { nonRecursive: true })] })).toBe("");
    const readOnly = (more: object) => ({ mounts: [bind(source, "/b", { readOnly: true, ...more })] });
    await expect(outputOf(engine, write, readOnly({}))).rejects.toThrow("Read-only file system");
    await expect(outputOf(engine, write, readOnly({ recursiveReadOnly: "always" }))).rejects.toThrow("Read-only");
    expect(await outputOf(engine, write, readOnly({ recursiveReadOnly: "never" }))).toContain("written");
  } finally {
    execFileSync("umount", [`${source}/sub`]);
  }
});

it("lets later mounts of the host through where the source is shared, and refuses what would come through to nobody", async () => {
  const source = join(outside, "shared");
  const host = (script: string) => execFileSync("sh", ["-ec", script]);
  host(`mkdir ${source}; mount -t tmpfs none ${source}; mount --make-private ${source}; mkdir ${source}/sub`);
  try {
    const mounts = [bind(source, "/b", { propagation: "rslave" })];
    const refused = await createContainer(engine, { mounts });
    await expect(request("containers.start", { container: refused })).rejects.toThrow(
      `bind source ${source} is mounted on ${source}, which is not a shared or slave mount`,
    );
    await remove(refused);
    host(`mount --make-shared ${source}`);
    const wait = ["sh", "-c", "while [ ! -e /b/sub/late ]; do sleep 0.05; done; echo seen"];
    const [seer, other] = await Promise.all([
      runContainer(engine, { command: wait, mounts }),
      runContainer(engine, { command: wait, mounts: [bind(source, "/b")] }),
    ]);
    host(`mount -t tmpfs none ${source}/sub; touch ${source}/sub/late`);
    expect(await request("containers.wait", { container: seer, condition: "stopped" })).toEqual({ exitCode: 0 });
    expect(await findContainer(engine, other)).toMatchObject({ status: "running" });
    await Promise.all([seer, other].map(remove));
  } finally {
    host(`umount -R ${source}`);
  }
});

it("does not let a bind of the whole host keep the engine's mounts", async () => {
  const mounts = [bind("/", "/host", { readOnly: true })];
  const container = await runContainer(engine, { mounts });
  const inspected = (await request("containers.inspect", { container })) as { Mounts: object[] };
  expect(inspected.Mounts).toMatchObject([{ Source: "/", Propagation: "rslave", RW: false, Mode: "ro" }]);
  const other = await runContainer(engine);
  await remove(other);
  await remove(container);
  for (const propagation of ["private", "rprivate"]) {
    await expect(
      createContainer(engine, { mounts: [bind(engine.config.root, "/host", { propagation })] }),
    ).rejects.toThrow("its propagation has to be rslave or rshared");
  }
  await remove(
    await createContainer(engine, { mounts: [bind("/", "/h", { propagation: "private", nonRecursive: true })] }),
  );
});
