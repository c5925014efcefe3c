import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { openStepScene, type StepScene } from "../support/build-steps.ts";

let scene: StepScene;
beforeAll(async () => {
  scene = await openStepScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

const status = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";

describe("a build's command", () => {
  it("has the rights of a container, and no more", async () => {
    const { out } = await scene.run(
      `${status}; head -c1 /proc/kcore | wc -c; echo x > /proc/sys/kernel/hostname || echo sealed; mount -t tmpfs x /tmp || echo no`,
    );
    expect(out).toBe("CapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nNoNewPrivs:0\nSeccomp:2\n0\nsealed\nno\n");
    expect((await scene.run(status, { user: "ann" })).out).toContain("CapEff:0000000000000000\n");
  });

  it("sees nothing of the host's processes and mounts", async () => {
    const { out } = await scene.run("ps | wc -l; ls /dev | sort | tr '\\n' ' '; readlink /proc/self/fd/0 | cut -c1-5");
    expect(out).toMatch(
      /^4\n(core )?fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero pipe:\n$/,
    );
  });

  it("may do all where it is privileged", async () => {
    const { out } = await scene.run(`${status}; mount -t tmpfs x /tmp && echo mounted`, { isPrivileged: true });
    expect(out).toContain("Seccomp:0\nmounted\n");
  });

  it("has the limits that were asked for", async () => {
    const memory = 64 * 1024 * 1024;
    const { out } = await scene.run(
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; df -k /dev/shm | tail -1 | awk '{print $2}' 2>/dev/null || df -k /dev/shm; ulimit -n",
      {
        resources: { ...scene.wish("").resources, memory, pidsLimit: 50 },
        shmSize: 1024 * 1024,
        ulimits: [{ name: "nofile", soft: 77, hard: 88 }],
      },
    );
    expect(out).toContain(`${memory}\n50\n`);
    expect(out).toMatch(/\n77\n$/);
    expect((await scene.run("df -k /dev/shm", { shmSize: 1024 * 1024 })).out).toMatch(/\s1024\s/);
    const bomb = await scene.run("for i in $(seq 60); do sleep 2 & done; wait", {
      resources: { ...scene.wish("").resources, pidsLimit: 20 },
    });
    expect(bomb.err).toContain("can't fork");
  });

  it("runs in the cgroup that was asked for, which goes with it", async () => {
    const cgroupParent = `/${scene.config.names.cgroupParent}-own/below`;
    const cgroups = openCgroups();
    const running = scene.run("sleep 0.3; echo done", { cgroupParent });
    const seen: number[] = [];
    while (seen.length === 0) seen.push(...(await cgroups.processesIn(cgroupParent)));
    expect((await running).out).toBe("done\n");
    const left = cgroups.directoriesOf(`/${scene.config.names.cgroupParent}-own`).filter((path) => existsSync(path));
    expect(left).toEqual([]);
    await expect(scene.run("true", { cgroupParent: "../x" })).rejects.toMatchObject({ code: "invalid-argument" });
  });

  it("is refused in a file system that leads out", async () => {
    await expect(scene.run("true", { workingDirectory: "/proc/self/fd/7" })).rejects.toMatchObject({
      code: "invalid-argument",
    });
  });
});
