import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listSteps } from "../../engine/builder/run/step-place.ts";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { createID, openStepScene, type StepScene } from "../support/build-steps.ts";

let scene: StepScene;
beforeAll(async () => {
  scene = await openStepScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

async function expectNothingLeft(): Promise<void> {
  expect(await listSteps(scene.config)).toEqual([]);
  expect(existsSync(`${scene.config.run}/step-runtime`) ? readdirSync(`${scene.config.run}/step-runtime`) : []).toEqual(
    [],
  );
  expect(await openCgroups().childrenOf(`/${scene.config.names.cgroupParent}`)).toEqual([]);
}

describe("a command of a build", () => {
  it("says on two streams what it says, and how it ended", async () => {
    const ran = await scene.run("echo out; echo err >&2; exit 3");
    expect(ran).toMatchObject({ out: "out\n", err: "err\n", exitCode: 3, oomKilled: false });
    await expectNothingLeft();
  });

  it("has the environment it was given, with docker's defaults", async () => {
    const { out } = await scene.run("env; pwd; hostname", {
      environment: ["A=b c", "PATH=/bin"],
      user: "ann",
      workingDirectory: "/made/by/it",
    });
    const lines = out.trim().split("\n").sort();
    expect(lines).toEqual(
      ["A=b c", "HOME=/home/ann", "PATH=/bin", "PWD=/made/by/it", "SHLVL=1"]
        .concat("/made/by/it", "buildkitsandbox")
        .sort(),
    );
    expect((await scene.run("env", { environment: ["HOSTNAME=own"] })).out).toContain("HOSTNAME=own\n");
    expect((await scene.run("env")).out).toContain("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  });

  it("is who the image's own files say", async () => {
    expect((await scene.run("id", { user: "ann" })).out).toBe(
      "uid=1000(ann) gid=1001(ann) groups=50(staff),1001(ann)\n",
    );
    expect((await scene.run("id -u", { user: "77" })).out).toBe("77\n");
    await expect(scene.run("id", { user: "bob" })).rejects.toMatchObject({ code: "invalid-argument" });
    await expectNothingLeft();
  });

  it("fails in docker's words where it cannot be started", async () => {
    expect(await scene.run("", { args: ["nope"] })).toMatchObject({
      exitCode: 127,
      out: "",
      err: 'exec: "nope": executable file not found in $PATH\n',
    });
    expect(await scene.run("", { args: ["/bin/not-executable"] })).toMatchObject({
      exitCode: 126,
      err: 'exec: "/bin/not-executable": permission denied\n',
    });
    await expectNothingLeft();
  });

  it("is told why where what has to start it is missing", async () => {
    const { rootfs } = await scene.writable();
    writeFileSync(join(rootfs, "script"), "#!/bin/bash\n", { mode: 0o755 });
    writeFileSync(join(rootfs, "strange"), "\x7fELF strange", { mode: 0o755 });
    const script = await scene.run("", { rootfs, args: ["/script"] });
    expect(script.err).toBe(
      "exec /script: no such file or directory\n/script needs /bin/bash, which is not in the container\n",
    );
    expect((await scene.run("", { rootfs, args: ["/strange"] })).err).toContain("it is no program for this machine");
    const own = await scene.run("echo 'exec /script: no such file or directory' >&2; exit 1", { rootfs });
    expect(own.err).toBe("exec /script: no such file or directory\n");
  });

  it("is not taken for the runtime when it speaks like it", async () => {
    const { err, exitCode } = await scene.run("echo 'runc run failed: no' >&2; exit 1");
    expect({ err, exitCode }).toEqual({ err: "runc run failed: no\n", exitCode: 1 });
  });

  it("is told whole, and waits for who listens slowly", async () => {
    const { rootfs } = await scene.writable();
    const isTaken = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    let bytes = 0;
    const running = scene.runner.run(
      scene.wish(rootfs, { shell: "dd if=/dev/zero bs=64k count=160 2>/dev/null; touch /end" }),
      {
        signal: AbortSignal.timeout(30_000),
        onOutput: async (_stream, chunk) => {
          bytes += chunk.length;
          first.resolve();
          await isTaken.promise;
        },
      },
    );
    await first.promise;
    await sleep(200);
    // Pipes hold 64 KiB each, and a stream of Node as much again.
    expect(bytes).toBeLessThan(500_000);
    expect(existsSync(join(rootfs, "end"))).toBe(false);
    isTaken.resolve();
    expect((await running).exitCode).toBe(0);
    expect(bytes).toBe(160 * 65_536);
  });

  it("ends with its first process, whatever it left in the background", async () => {
    const begin = performance.now();
    const { out } = await scene.run("(sleep 60; echo late) & setsid sleep 60 & echo done");
    expect(out).toBe("done\n");
    expect(performance.now() - begin).toBeLessThan(5_000);
    await expectNothingLeft();
  });

  it("is killed with all it has started when it is cancelled", async () => {
    const stop = new AbortController();
    const { rootfs } = await scene.writable();
    const id = createID();
    const ready = Promise.withResolvers<void>();
    const running = scene.runner.run(
      scene.wish(rootfs, { id, shell: "trap '' TERM; setsid sleep 61 & sleep 62 & echo ready; sleep 63" }),
      { signal: stop.signal, onOutput: () => ready.resolve() },
    );
    running.catch(() => {});
    await ready.promise;
    const begin = performance.now();
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect(performance.now() - begin).toBeLessThan(1_000);
    await expectNothingLeft();
  });

  it("is cancelled at any moment, also while nobody takes its output", async () => {
    for (const delay of [0, 3, 8, 14, 20, 30, 60]) {
      const stop = new AbortController();
      const { rootfs } = await scene.writable();
      const running = scene.runner.run(scene.wish(rootfs, { shell: "while echo more; do true; done" }), {
        signal: stop.signal,
        onOutput: () => new Promise(() => {}),
      });
      running.catch(() => {});
      await sleep(delay);
      stop.abort();
      await expect(running).rejects.toMatchObject({ code: "cancelled" });
      await expectNothingLeft();
    }
  });

  it("tells that it ran out of memory", async () => {
    const memory = 32 * 1024 * 1024;
    const ran = await scene.run("dd if=/dev/zero of=/dev/null bs=100M count=1", {
      resources: { ...scene.wish("").resources, memory, memorySwap: memory },
    });
    expect(ran).toMatchObject({ oomKilled: true, exitCode: 137 });
  });
});
