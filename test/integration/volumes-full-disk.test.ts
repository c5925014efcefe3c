import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { tarOf } from "../support/images-tar.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let files: TempRoot;
let host: FaultHost;
const gantry = (...args: string[]) => gantryFor(host.config)(args);

/** The root is a file system of its own, of 64 MB, with an image that has 6 MB for a volume, and then some 5 MB left. */
beforeAll(async () => {
  files = await tempRoot();
  host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 64M ${disk}; mkfs.ext4 -q -m 0 ${disk}; mount -o loop ${disk} ${host.config.root}`);
  const engine = await host.start();
  await engine.waitForImage();
  mkdirSync(files.join("data"));
  writeFileSync(files.join("data/large"), randomBytes(6 << 20));
  writeFileSync(
    files.join("large.tar"),
    await tarOf([
      ["first", "1"],
      ["large", randomBytes(20 << 20)],
    ]),
  );
  for (const args of [
    ["create", "--name", "maker", "gantry/busybox"],
    ["cp", files.join("data"), "maker:/srv"],
    ["commit", "-c", "VOLUME /srv", "maker", "filled:1"],
    ["rm", "maker"],
    ["volume", "create", "there"],
  ]) {
    expect(await gantry(...args)).toMatchObject({ code: 0 });
  }
  // The bytes of what was removed go in the background.
  await eventually(() => host.shell(`ls -A ${host.config.root}/containers`).trim() === ".empty");
  const bytes = host.free() - (5 << 20);
  host.shell(`head -c ${bytes} /dev/zero > ${host.config.root}/ballast`);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

it("says that a volume does not fit, leaves nothing of it, and lets all be removed", async () => {
  await eventually(async () => (await gantry("ps", "-aq")).stdout === "");
  const before = host.free();
  const created = await gantry("create", "-v", "mine:/mnt", "filled:1", "true");
  expect(created.code).toBe(1);
  expect(created.stderr).toMatch(/no space left on the disk/);
  await eventually(() => Math.abs(host.free() - before) < 300_000);
  expect((await gantry("ps", "-aq")).stdout).toBe("");
  expect((await gantry("volume", "ls", "-q")).stdout).toBe("there\n");
  const imported = await gantry("volume", "import", "there", files.join("large.tar"));
  expect(imported.code).toBe(1);
  expect(imported.stderr).toMatch(/no space left on the disk/);
  await eventually(() => Math.abs(host.free() - before) < 300_000);
  const root = `${host.config.root}/volumes`;
  expect(host.shell(`ls -A ${root} ${root}/there ${root}/there/_data`)).toBe(
    `${root}:\nthere\n\n${root}/there:\n_data\n\n${root}/there/_data:\n`,
  );
  // To the last byte, by a container.
  const fill = "dd if=/dev/zero of=/v/x bs=64k; dd if=/dev/zero of=/v/y bs=1; exit 5";
  expect((await gantry("run", "--rm", "-v", "there:/v", "gantry/busybox", "sh", "-c", fill)).code).toBe(5);
  expect(await gantry("volume", "rm", "there")).toMatchObject({ code: 0, stderr: "" });
  await eventually(() => host.free() > before - 300_000);
  expect((await gantry("volume", "ls", "-q")).stdout).toBe("");
});
