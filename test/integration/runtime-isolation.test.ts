import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseCapabilityMask, readOwnCapabilities } from "../../engine/host/capabilities.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import { defaultCapabilities } from "../../engine/runtime/spec/capabilities.ts";
import { resolveUser } from "../../engine/runtime/spec/user.ts";
import { listenTo, openTestRuntime } from "../support/runtime-bundle.ts";

/** Runs a script to its end. */
async function run(
  script: string,
  wishes: Partial<CreateRequest> = {},
): Promise<{ out: string; err: string; warnings: string[] }> {
  await using test = await openTestRuntime();
  const bundle = await test.create("one", { command: ["sh", "-c", script], ...wishes });
  const heard = listenTo(await test.runtime.attach(bundle));
  await test.runtime.start("one");
  await test.exitOf("one");
  await heard.ended;
  return { out: heard.out(), err: heard.err(), warnings: test.warnings };
}

it("gives a container docker's capabilities, filter, masks and limits and no more", async () => {
  const { out } = await run(
    "grep -E 'CapBnd|CapEff|CapInh|Seccomp:' /proc/self/status; ulimit -n; cat /proc/1/oom_score_adj; hostname; ls /proc/acpi /proc/scsi 2>/dev/null | head -3; mount | grep -c ' ro,\\|(ro'; cat /proc/keys | wc -c; echo x > /proc/sys/kernel/hostname || echo refused",
  ).then(async (result) => result);
  const fields = new Map([...out.matchAll(/^(\w+):\s*(\w+)$/gm)].map((match) => [match[1], match[2] ?? ""]));
  expect(parseCapabilityMask(fields.get("CapBnd") ?? "").sort()).toEqual([...defaultCapabilities].sort());
  expect(parseCapabilityMask(fields.get("CapEff") ?? "").sort()).toEqual([...defaultCapabilities].sort());
  expect(Number(`0x${fields.get("CapInh")}`)).toBe(0);
  expect(fields.get("Seccomp")).toBe("2");
  expect(out).toMatch(/\n1024\n0\nbox\n/);
  expect(out).toMatch(/\n0\nrefused\n$/);
});

it("gives a privileged container all that the engine has", async () => {
  const { out } = await run("grep -E 'CapBnd|Seccomp:' /proc/self/status; test -c /dev/loop-control && echo loop", {
    privileged: true,
  });
  const mask = /CapBnd:\s*(\w+)/.exec(out)?.[1] ?? "";
  expect(parseCapabilityMask(mask)).toEqual(readOwnCapabilities());
  expect(out).toMatch(/Seccomp:\s*0/);
});

it("lowers an impossible ulimit with a warning, and limits memory, CPU and processes", async () => {
  const resources = { ...unlimited, memory: 64 << 20, nanoCpus: 500_000_000, pidsLimit: 20, cpuShares: 512 };
  const ulimits = [{ name: "nofile", soft: 2_000_000_000, hard: 2_000_000_000 }];
  const { out, warnings } = await run(
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; ulimit -n",
    { resources, ulimits },
  );
  expect(out).toMatch(/^67108864\n50000.*\n20\n\d+\n$/);
  if (!readOwnCapabilities().includes("CAP_SYS_RESOURCE")) {
    expect(warnings.join()).toContain("ulimit nofile lowered to");
  }
});

it("mounts what was asked for, read-only where asked, and an init", async () => {
  const source = await mkdtemp(join(tmpdir(), "gantry-bind-"));
  try {
    await writeFile(join(source, "file"), "from the host\n");
    const bind = { type: "bind" as const, source, target: "/data", readOnly: true, createSource: false, options: [] };
    const tmpfs = {
      type: "tmpfs" as const,
      source: "",
      target: "/scratch",
      readOnly: false,
      createSource: false,
      options: ["size=1m"],
    };
    const made = { ...bind, source: join(source, "made/below"), target: "/made", readOnly: false, createSource: true };
    const { out, err } = await run(
      "cat /data/file; touch /data/x; touch /scratch/x && echo wrote; touch /root/x; touch /made/y; grep ' /scratch ' /proc/mounts; tr '\\0' ' ' < /proc/1/cmdline",
      { mounts: [bind, tmpfs, made], readOnlyRootfs: true, init: true },
    );
    expect(out).toMatch(/^from the host\nwrote\n/);
    expect(out).toMatch(/tmpfs \/scratch tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k/);
    expect(out).toContain("/sbin/docker-init -- sh -c");
    expect(err.match(/Read-only file system/g)).toHaveLength(2);
    expect(await readFile(join(source, "made/below/y"), "utf8")).toBe("");
  } finally {
    await rm(source, { recursive: true, force: true });
  }
});

it("never reads a user database outside the container", async () => {
  const root = await mkdtemp(join(tmpdir(), "gantry-user-"));
  try {
    const { mkdir } = await import("node:fs/promises");
    await mkdir(join(root, "etc"));
    await symlink("../../../../../../../../../etc/passwd", join(root, "etc/passwd"));
    // A link to itself when resolved inside the root: nothing to read.
    await expect(resolveUser(root, "daemon", [])).rejects.toThrow(/not in the container/);
    expect(await resolveUser(root, "12:34", ["99"])).toEqual({ uid: 12, gid: 34, additionalGids: [34, 99] });
    await rm(join(root, "etc/passwd"));
    await writeFile(join(root, "etc/passwd"), Buffer.alloc(2 << 20, "x"));
    await expect(resolveUser(root, "daemon", [])).rejects.toThrow(/at most 1 MB/);
    await rm(join(root, "etc/passwd"));
    await symlink("/proc/self/fd/0", join(root, "etc/passwd"));
    await expect(resolveUser(root, "daemon", [])).rejects.toThrow(/not in the container/);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
