import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let files: TempRoot;
let host: FaultHost;
const gantry = (...args: string[]) => gantryFor(host.config)(args);

/** The root is a file system of its own, of 48 MB. */
beforeAll(async () => {
  files = await tempRoot();
  host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 48M ${disk}; mkfs.ext4 -q ${disk}; mount -o loop ${disk} ${host.config.root}`);
  await (await host.start()).waitForImage();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

function contextOf(name: string, lines: readonly string[]): string {
  const path = files.join(name);
  mkdirSync(path);
  writeFileSync(`${path}/Dockerfile`, lines.join("\n"));
  return path;
}

it("says what is full, and leaves nothing of a build that does not fit", async () => {
  const copies = contextOf("copies", ["FROM gantry/busybox", "COPY big /big"]);
  writeFileSync(`${copies}/big`, randomBytes(60 << 20));
  const fills = contextOf("fills", ["FROM gantry/busybox", "RUN dd if=/dev/zero of=/x bs=64k"]);
  const before = host.free();
  const copied = await gantry("build", copies);
  expect(copied.code).not.toBe(0);
  expect(copied.stderr).toContain("no space left on the disk");
  await eventually(() => before - host.free() < 200_000);
  // What the command that failed has left is kept, as far as there is room, until the room is asked for.
  const filled = await gantry("build", fills);
  expect(filled.code).toBe(1);
  expect(filled.stderr).toContain("No space left on device");
  expect((await gantry("builder", "prune", "-af")).code).toBe(0);
  await eventually(() => before - host.free() < 300_000);
  const fits = contextOf("fits", ["FROM gantry/busybox", "RUN echo fits > /x", 'CMD ["cat", "/x"]']);
  expect((await gantry("build", "-q", "-t", "fits", fits)).code).toBe(0);
  expect(await gantry("run", "--rm", "fits")).toMatchObject({ code: 0, stdout: "fits\n" });
});
