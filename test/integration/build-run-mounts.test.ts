import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { listSteps } from "../../engine/builder/run/step-place.ts";
import type { StepMount } from "../../engine/builder/run/step-runner.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { openStepScene, type StepScene } from "../support/build-steps.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let scene: StepScene;
let files: TempRoot;
beforeAll(async () => {
  scene = await openStepScene();
  files = await tempRoot();
  chmodSync(files.path, 0o755);
});
afterAll(async () => {
  await files[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

const secret = (text: string, more: Partial<Extract<StepMount, { type: "secret" }>> = {}): StepMount => ({
  type: "secret",
  content: Buffer.from(text),
  target: "/run/secrets/token",
  mode: 0o400,
  uid: 0,
  gid: 0,
  ...more,
});

describe("mounts of a build's command", () => {
  it("show a secret with its owner and mode, from memory, and nothing of it stays", async () => {
    const { rootfs } = await scene.writable();
    const mounts = [secret("s3cret\n"), secret("other", { target: "/home/ann/.x", uid: 1000, gid: 1001, mode: 0o440 })];
    const { out } = await scene.run(
      "cat /run/secrets/token; stat -c '%a %u %g' /run/secrets/token /home/ann/.x; grep -c '/run/secrets/token.*tmpfs' /proc/mounts; echo x > /run/secrets/token",
      { rootfs, mounts },
    );
    expect(out).toBe("s3cret\n400 0 0\n440 1000 1001\n1\n");
    expect(readFileSync(join(rootfs, "run/secrets/token"), "utf8")).toBe("");
    expect(await listSteps(scene.config)).toEqual([]);
    expect(listMounts().filter(({ target }) => target.startsWith(scene.config.run) && /secret/.test(target))).toEqual(
      [],
    );
  });

  it("keep a secret from who may not read it", async () => {
    const { exitCode, out } = await scene.run("cat /run/secrets/token", { mounts: [secret("no")], user: "ann" });
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
  });

  it("take back a secret when the command is killed or cannot be started", async () => {
    const stop = new AbortController();
    const { rootfs } = await scene.writable();
    const running = scene.runner.run(scene.wish(rootfs, { shell: "echo up; sleep 60", mounts: [secret("a")] }), {
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect(await scene.run("", { args: ["nope"], mounts: [secret("a")] })).toMatchObject({ exitCode: 127 });
    expect(listMounts().filter(({ target }) => target.startsWith(scene.config.run) && /secret/.test(target))).toEqual(
      [],
    );
    expect(await listSteps(scene.config)).toEqual([]);
  });

  it("are read-only where they are asked to be", async () => {
    const source = files.join("source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "hello\n");
    const bind = (readOnly: boolean): StepMount => ({ type: "bind", source, target: "/mnt/in", readOnly });
    const refused = await scene.run("cat /mnt/in/file; echo x > /mnt/in/new", { mounts: [bind(true)] });
    expect(refused).toMatchObject({ out: "hello\n", exitCode: 1 });
    expect(refused.err).toContain("Read-only file system");
    expect(await scene.run("echo x > /mnt/in/new", { mounts: [bind(false)] })).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(source, "new"))).toBe(true);
  });

  it("have a tmpfs of its size, from which programs run", async () => {
    const mounts: StepMount[] = [{ type: "tmpfs", target: "/scratch", size: 1024 * 1024 }];
    const { out, rootfs } = await runKeeping(
      "printf '#!/bin/sh\\necho ran\\n' > /scratch/p; chmod +x /scratch/p; /scratch/p; stat -c %a /scratch; dd if=/dev/zero of=/scratch/b bs=1M count=2 2>&1 | grep -c 'No space'",
      mounts,
    );
    expect(out).toBe("ran\n1777\n1\n");
    expect(existsSync(join(rootfs, "scratch/p"))).toBe(false);
  });

  it("lead to an ssh agent of somebody else", async () => {
    const directory = files.join("agent");
    mkdirSync(directory, { mode: 0o700 });
    chownSync(directory, 4321, 4321);
    const socket = join(directory, "socket");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], {
      uid: 4321,
      gid: 4321,
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void agent.kill("SIGKILL"));
    await once(agent.stdout, "data");
    const key = files.join("key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "a test's", "-f", key]);
    execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" });
    const host = (source: string, target: string): StepMount => ({ type: "bind", source, target, readOnly: true });
    const mounts: StepMount[] = [
      host("/usr", "/usr"),
      host("/usr/lib", "/lib"),
      host("/usr/lib64", "/lib64"),
      { type: "ssh", socket, target: "/run/buildkit/ssh_agent.0", mode: 0o600, uid: 1000, gid: 1001 },
    ];
    const environment = ["SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0"];
    const shell = "stat -c '%a %u %g %F' $SSH_AUTH_SOCK; ssh-add -l";
    const ran = await scene.run(shell, { mounts, environment, user: "ann" });
    expect(ran.out).toMatch(/^600 1000 1001 socket\n256 SHA256:\S+ a test's \(ED25519\)\n$/);
    expect((await scene.run("ssh-add -l", { mounts, environment, user: "77" })).exitCode).not.toBe(0);
  });

  it("fail where no agent is", async () => {
    const mounts: StepMount[] = [
      { type: "ssh", socket: files.join("nobody"), target: "/a", mode: 0o600, uid: 0, gid: 0 },
    ];
    await expect(scene.run("true", { mounts })).rejects.toMatchObject({ code: "failed-precondition" });
    expect(await listSteps(scene.config)).toEqual([]);
  });
});

async function runKeeping(shell: string, mounts: StepMount[]) {
  const { rootfs } = await scene.writable();
  return { rootfs, ...(await scene.run(shell, { rootfs, mounts })) };
}
