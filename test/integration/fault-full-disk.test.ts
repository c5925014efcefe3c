import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/engine.ts";
import { type FaultEngine, FaultHost } from "../support/fault-engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { tarOf } from "../support/images-tar.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let files: TempRoot;
let host: FaultHost;
let engine: FaultEngine;
const gantry = (...args: string[]) => gantryFor(host.config)(args);

/** The root is a file system of its own, of 48 MB. */
beforeAll(async () => {
  files = await tempRoot();
  host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 48M ${disk}; mkfs.ext4 -q ${disk}; mount -o loop ${disk} ${host.config.root}`);
  engine = await host.start();
  await engine.waitForImage();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

it("says what is full when an image does not fit, and leaves nothing of it", async () => {
  const layer = await tarOf([["big", randomBytes(60 << 20)]]);
  writeFileSync(files.join("rootfs.tar"), layer);
  writeFileSync(files.join("image.tar"), await tarOf(await dockerArchive([[["big", randomBytes(60 << 20)]]], "big:1")));
  const before = host.free();
  for (const args of [
    ["load", "-i", files.join("image.tar")],
    ["import", files.join("rootfs.tar"), "big:2"],
  ]) {
    const { code, stderr } = await gantry(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^gantry: (load|import) \S+: .*no space left on the disk.*\nhint: free/);
    await eventually(() => Math.abs(host.free() - before) < 100_000);
  }
  expect((await gantry("images", "-q")).stdout.split("\n")).toHaveLength(2);
});

it("goes on when a container has filled the disk: everything can be looked at, stopped and removed", async () => {
  expect((await gantry("run", "-d", "--name", "idle", "gantry/busybox", "sleep", "300")).code).toBe(0);
  const fill = "dd if=/dev/zero of=/x bs=64k; dd if=/dev/zero of=/y bs=1; exit 5";
  expect((await gantry("run", "--name", "filler", "gantry/busybox", "sh", "-c", fill)).code).toBe(5);
  expect(host.free()).toBeLessThan(200_000);
  expect((await gantry("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "filler")).stdout).toBe("exited 5\n");
  for (const args of [
    ["ps"],
    ["exec", "idle", "true"],
    ["pause", "idle"],
    ["unpause", "idle"],
    ["stop", "-t", "0", "idle"],
  ]) {
    expect(await gantry(...args)).toMatchObject({ code: 0, stderr: "" });
  }
  await engine.stop("SIGKILL");
  engine = await host.start();
  expect((await gantry("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "idle")).stdout).toBe("exited 137\n");
  expect(await gantry("rm", "filler")).toMatchObject({ code: 0, stderr: "" });
  await eventually(() => host.free() > 10 << 20);
  expect(await gantry("run", "--rm", "gantry/busybox", "echo", "fine")).toMatchObject({ code: 0, stdout: "fine\n" });
});
