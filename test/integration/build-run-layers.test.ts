import { lstatSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StepMount } from "../../engine/builder/run/step-runner.ts";
import { openStepScene, type StepScene } from "../support/build-steps.ts";

let scene: StepScene;
beforeAll(async () => {
  scene = await openStepScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

const mounts: StepMount[] = [
  { type: "secret", content: Buffer.from("x"), target: "/run/secrets/a/b", mode: 0o400, uid: 0, gid: 0 },
  { type: "tmpfs", target: "/var/deep/tmp", size: null },
  { type: "bind", source: "/etc", target: "/mnt", readOnly: true },
];

/** Paths of the layer that a command makes; null where it makes none. */
async function layerOf(shell: string, workingDirectory = "/"): Promise<string[] | null> {
  const { key, rootfs } = await scene.writable();
  const { mountPoints, exitCode, err } = await scene.run(shell, { rootfs, mounts, workingDirectory });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  const layer = await scene.layers.commit(key, { signal: AbortSignal.timeout(10_000), mountPoints });
  return layer === null ? null : treeOf(scene.layers.pathOf([...scene.chain, layer.diffID])).sort();
}

function treeOf(directory: string, below = ""): string[] {
  return readdirSync(join(directory, below)).flatMap((name) => {
    const path = join(below, name);
    return lstatSync(join(directory, path)).isDirectory() ? [`${path}/`, ...treeOf(directory, path)] : [path];
  });
}

describe("the layer of a command", () => {
  it("is none where it changes nothing, whatever is mounted", async () => {
    expect(await layerOf("true")).toBeNull();
    expect(await layerOf("echo x > /var/deep/tmp/x; cat /run/secrets/a/b > /dev/null; echo 1 > /dev/shm/a")).toBeNull();
  });

  it("has what was changed, and no mount point", async () => {
    expect(await layerOf("touch /etc/new /var/deep/x")).toEqual(["etc/", "etc/new", "var/", "var/deep/", "var/deep/x"]);
  });

  it("has no mount point either that a link of the image leads to", async () => {
    const { key, rootfs } = await scene.writable();
    mkdirSync(join(rootfs, "run"));
    symlinkSync("/run", join(rootfs, "var"));
    symlinkSync("../run/a/stub.conf", join(rootfs, "etc/resolv.conf"));
    const { mountPoints, out } = await scene.run("cat /var/s; grep -c nameserver /etc/resolv.conf", {
      rootfs,
      mounts: [{ type: "secret", content: Buffer.from("x\n"), target: "/var/s", mode: 0o400, uid: 0, gid: 0 }],
    });
    expect(out).toBe("x\n1\n");
    const layer = await scene.layers.commit(key, { signal: AbortSignal.timeout(10_000), mountPoints });
    const files = treeOf(scene.layers.pathOf([...scene.chain, ...(layer === null ? [] : [layer.diffID])]));
    expect(files.sort()).toEqual(["etc/", "etc/resolv.conf", "run/", "var"]);
  });

  it("has the host's name that a command wrote down", async () => {
    expect(await layerOf("echo name > /etc/hostname")).toEqual(["etc/", "etc/hostname"]);
  });

  it("has a working directory that was made for it", async () => {
    expect(await layerOf("true", "/work/here")).toEqual(["work/", "work/here/"]);
  });
});
