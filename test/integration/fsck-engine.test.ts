import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { mountBind, unmount } from "../../engine/host/mounts.ts";
import { loadImages } from "../../src/client/upload.ts";
import {
  createContainer,
  findContainer,
  runContainer,
  starterImage,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

const fsck = async (repair = false) => (await engine.client.request("system.fsck", { repair })).findings;
const inRoot = (...path: string[]): string => join(engine.config.root, ...path);

it("finds nothing wrong beside containers in each status", async () => {
  await createContainer(engine);
  await runContainer(engine);
  const ended = await runContainer(engine, { command: ["true"] });
  await engine.client.request("containers.wait", { container: ended, condition: "stopped" });
  const paused = await runContainer(engine);
  await engine.client.request("containers.pause", { container: paused });
  expect(await fsck()).toEqual([]);
  const report = await gantry(["engine", "fsck"]);
  expect(report).toMatchObject({ code: 0, stderr: "" });
  expect(report.stdout).toMatch(/^checked 1 image, 1 layer and \d blobs \([\d.]+MB\): all is well\n$/);
});

it("leaves a layer alone while a container runs on it, and repairs it when that has ended", async () => {
  const container = await runContainer(engine, { name: "stands-on-it" });
  const [layer = ""] = readdirSync(inRoot("layers")).filter((name) => !name.startsWith("."));
  const busybox = inRoot("layers", layer, "fs/bin/busybox");
  chmodSync(busybox, 0o700);
  rmSync(inRoot("layers", layer, "files-1.idx"), { force: true });
  const seenMode = async () => {
    const subject = { type: "image", name: starterImage, layer: null, view: "upTo" } as const;
    const page = { path: "/bin/busybox", filter: null, order: "name", offset: 0, limit: 1 } as const;
    return (await engine.client.request("files.list", { subject, ...page })).entries[0]?.mode;
  };
  expect(await seenMode()).toBe(0o700);
  const report = await gantry(["engine", "fsck", "--repair"]);
  expect(report.code).toBe(1);
  expect(report.stdout).toMatch(
    /^layer sha256:[0-9a-f]{64}: \/bin\/busybox has the mode 700 instead of 755\n {2}hint: stop container .*stands-on-it/,
  );
  expect((await findContainer(engine, container))?.status).toBe("running");
  for (const { id, status } of await engine.client.request("containers.list", { all: true })) {
    if (status === "paused") await engine.client.request("containers.unpause", { container: id });
    await engine.client.request("containers.stop", { container: id, timeout: 0 });
  }
  expect(await gantry(["engine", "fsck", "--repair"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("  repaired: unpacked anew\n"),
  });
  expect(statSync(busybox).mode & 0o7777).toBe(0o755);
  expect(await seenMode()).toBe(0o755);
  expect(await fsck()).toEqual([]);
  expect(await gantry(["start", "stands-on-it"])).toMatchObject({ code: 0 });
  expect(await gantry(["exec", "stands-on-it", "true"])).toMatchObject({ code: 0 });
});

it("finds mounts and directories that are nobody's, and containers that lack their own", async () => {
  const running = await runContainer(engine, { name: "unmounted" });
  const lost = await createContainer(engine, { name: "lost" });
  const stopped = await createContainer(engine, { name: "stopped" });
  await unmount(inRoot("containers", running, "rootfs"));
  rmSync(inRoot("containers", lost), { recursive: true });
  mountBind("/etc", inRoot("containers", stopped, "rootfs"));
  const stranger = "f".repeat(64);
  mkdirSync(inRoot("containers", stranger, "upper"), { recursive: true });
  writeFileSync(inRoot("containers", stranger, "upper/file"), "x");
  mkdirSync(inRoot("layers/strange"));

  const findings = await fsck();
  expect(findings.map(({ kind, object, problem }) => `${kind} ${object} ${problem}`).sort()).toEqual(
    [
      `container ${stranger.slice(0, 12)} is a directory without a record`,
      "container lost its file system is lost",
      "container unmounted it runs, but its file system is not mounted",
      "layer strange is a directory without a record",
      `mount ${inRoot("containers", stopped, "rootfs")} no container that runs needs it`,
    ].sort(),
  );
  const hints = findings.filter(({ repair }) => repair === "").map(({ hint }) => hint);
  expect(hints.sort()).toEqual(["remove it with `gantry rm -f lost`", "restart it with `gantry restart unmounted`"]);
  await fsck(true);
  expect(existsSync(inRoot("containers", stranger))).toBe(false);
  expect(existsSync("/etc/passwd")).toBe(true);
  expect(listMounts().some(({ target }) => target === inRoot("containers", stopped, "rootfs"))).toBe(false);
  expect((await gantry(["rm", "-f", "lost"])).code).toBe(0);
  expect((await gantry(["restart", "-t", "0", "unmounted"])).code).toBe(0);
  expect(await fsck()).toEqual([]);
});

it("can be killed at any moment of a repair", async () => {
  const layer = [["big", randomBytes(3_000_000)] as const];
  const archive = await tarOf(await dockerArchive([layer], "example/repaired:1"));
  await loadImages(engine.client, chunksOf(archive));
  const [name = ""] = readdirSync(inRoot("layers")).filter((one) => existsSync(inRoot("layers", one, "fs/big")));
  const big = inRoot("layers", name, "fs/big");
  for (const delay of [20, 50, 80, 110, 140]) {
    chmodSync(big, 0o600);
    const repairing = fsck(true).catch(() => null);
    await sleep(delay);
    await engine.stop("SIGKILL");
    await repairing;
    await engine.start();
    for (const finding of await fsck(true)) expect(finding).toMatchObject({ kind: "layer", repair: "unpacked anew" });
    expect(await fsck()).toEqual([]);
    expect(statSync(big).mode & 0o777).toBe(0o644);
  }
});

it("takes flags as other verbs do", async () => {
  expect(JSON.parse((await gantry(["engine", "fsck", "--format", "json"])).stdout)).toMatchObject({
    images: 2,
    layers: 2,
    findings: [],
  });
  expect(await gantry(["engine", "fsck", "--format", "xml"])).toMatchObject({ code: 125 });
  expect((await gantry(["engine", "--help"])).stdout).toContain("fsck");
});
