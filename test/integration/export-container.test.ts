import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createContainer,
  eventually,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { entriesOf, listingOf, receive } from "../support/tar-listing.ts";

let engine: TestEngine;
let directory: string;
beforeAll(async () => {
  engine = await startTestEngine();
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

const exported = (container: string) =>
  receive(engine, (streamID) => engine.client.request("containers.export", { container, streamID }));
const isMounted = (container: string) => {
  const rootfs = join(engine.config.root, "containers", container, "rootfs");
  return statSync(rootfs).dev !== statSync(join(rootfs, "..")).dev;
};

it("gives the whole file system of a container that runs, without what is mounted into it", async () => {
  const data = join(directory, "data");
  mkdirSync(data);
  writeFileSync(join(data, "f"), "of the host");
  const mount = {
    type: "bind" as const,
    source: data,
    target: "/data",
    readOnly: false,
    createSource: false,
    options: [],
  };
  const script = "echo x > /data/in; echo y > /own; rm /bin/true; : > /.wh.kept; echo ready; sleep 300";
  const id = await runContainer(engine, { command: ["sh", "-c", script], mounts: [mount] });
  await eventually(async () => (await readLog(engine, id)).includes("ready"));
  const names = (await entriesOf(await exported(id))).map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([".dockerenv", ".wh.kept", "bin/", "bin/busybox", "data/", "etc/", "own", "proc/"]),
  );
  for (const absent of ["bin/true", "data/f", "data/in", "./", "proc/1/"]) expect(names).not.toContain(absent);
  // Order and bytes are the same each time.
  expect(names.filter((name) => /^[^/]+\/?$/.test(name))).toEqual(
    names
      .filter((name) => /^[^/]+\/?$/.test(name))
      .toSorted((a, b) => (a.replace("/", "") < b.replace("/", "") ? -1 : 1)),
  );
  expect((await exported(id)).equals(await exported(id))).toBe(true);
});

it("mounts a container that does not run only for the time, also for two at once", async () => {
  const id = await createContainer(engine, {});
  expect(isMounted(id)).toBe(false);
  const [one, other] = await Promise.all([exported(id), exported(id)]);
  expect(one.equals(other)).toBe(true);
  await eventually(() => !isMounted(id));
  expect((await listingOf(one)).some((line) => line === "bin/")).toBe(true);
});

it("is what docker and GNU tar read, and an import makes an image of", async () => {
  const gantry = gantryFor(engine.config);
  const file = join(directory, "root.tar");
  const id = await createContainer(engine, { name: "shown" });
  expect(await gantry(["export", "-o", file, "shown"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(execFileSync("tar", ["-tf", file]).toString().split("\n")).toContain("bin/busybox");
  const { stdout } = await gantry(["import", file, "again:1"]);
  expect(stdout).toMatch(/^sha256:/);
  expect((await gantry(["run", "--rm", "again:1", "/bin/busybox", "echo", "it", "runs"])).stdout).toBe("it runs\n");
  expect(await gantry(["export", "gone"])).toMatchObject({ code: 1, stdout: "" });
  await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
});

it("starts a container while it is exported, and removes it", async () => {
  const id = await createContainer(engine, {});
  const archive = exported(id);
  await engine.client.request("containers.start", { container: id });
  await archive;
  expect(isMounted(id)).toBe(true);
  const again = exported(id).catch(() => Buffer.alloc(0));
  await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
  await again;
});
