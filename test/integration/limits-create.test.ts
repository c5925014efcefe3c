import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import type { Resources } from "../../engine/protocol/resources.ts";
import { openTestRuntime, type TestRuntime, until } from "../support/runtime-bundle.ts";

const mebibyte = 1024 ** 2;
const cgroups = openCgroups();
let test: TestRuntime;
let loop: string | null = null;

beforeEach(async () => {
  test = await openTestRuntime();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  if (loop !== null) execFileSync("losetup", ["-d", loop]);
  loop = null;
});

function limitOf(cgroupPath: string, controller: string, file: string): string {
  const directory = cgroups.pathOf(controller, cgroupPath);
  if (directory === null) throw new Error(`no ${controller} here`);
  return readFileSync(join(directory, file), "latin1").trim();
}

const pathOf = (id: string) => `/${test.config.names.cgroupParent}/${id}`;

async function run(id: string, resources: Partial<Resources>, command = ["sleep", "100"]): Promise<void> {
  await test.create(id, { command, resources: { ...unlimited, ...resources } });
  await test.runtime.start(id);
}

function makeLoopDevice(): string {
  const file = join(test.config.root, "..", "disk");
  writeFileSync(file, "");
  truncateSync(file, 16 * mebibyte);
  loop = execFileSync("losetup", ["--show", "-f", file]).toString().trim();
  return loop;
}

describe("limits of a new container", () => {
  it("are in its cgroups, all that the host's hierarchy has", async () => {
    await run("all", {
      memory: 64 * mebibyte,
      memoryReservation: 32 * mebibyte,
      memorySwap: 96 * mebibyte,
      memorySwappiness: 7,
      oomKillDisable: true,
      nanoCpus: 250_000_000,
      cpuShares: 512,
      cpusetCpus: "1",
      cpusetMems: "0",
      pidsLimit: 33,
    });
    const values = {
      "memory.limit_in_bytes": String(64 * mebibyte),
      "memory.soft_limit_in_bytes": String(32 * mebibyte),
      "memory.memsw.limit_in_bytes": String(96 * mebibyte),
      "memory.swappiness": "7",
      "cpu.cfs_quota_us": "25000",
      "cpu.shares": "512",
      "cpuset.cpus": "1",
      "cpuset.mems": "0",
      "pids.max": "33",
    };
    for (const [file, value] of Object.entries(values)) {
      expect([file, limitOf(pathOf("all"), file.split(".")[0] ?? "", file)]).toEqual([file, value]);
    }
    expect(limitOf(pathOf("all"), "memory", "memory.oom_control")).toContain("oom_kill_disable 1");
    expect(test.warnings).toEqual([]);
  });

  it("hold rates of a device by its path", async () => {
    const device = makeLoopDevice();
    const [major, minor] = execFileSync("lsblk", ["-ndo", "MAJ:MIN", device]).toString().trim().split(":");
    const rate = [{ path: device, value: mebibyte }];
    await run("rates", { blkioDeviceWriteBps: rate, blkioDeviceReadIOps: [{ path: device, value: 100 }] });
    const valueOfRate = (file: string) => limitOf(pathOf("rates"), "blkio", `blkio.throttle.${file}`);
    expect(valueOfRate("write_bps_device")).toBe(`${major}:${minor} ${mebibyte}`);
    expect(valueOfRate("read_iops_device")).toBe(`${major}:${minor} 100`);
    await test.runtime.update("rates", { ...unlimited, blkioDeviceWriteBps: [{ path: device, value: 2 * mebibyte }] });
    expect(valueOfRate("write_bps_device")).toBe(`${major}:${minor} ${2 * mebibyte}`);
    expect(valueOfRate("read_iops_device")).toBe(`${major}:${minor} 100`);
    const refused = { ...unlimited, blkioDeviceWriteBps: [{ path: device, value: 5 }], cpusetMems: "63" };
    await expect(test.runtime.update("rates", refused)).rejects.toThrow("cpuset.mems cannot be set to 63");
    expect(valueOfRate("write_bps_device")).toBe(`${major}:${minor} ${2 * mebibyte}`);
  });

  it.each([
    ["/dev/nowhere", "block device /dev/nowhere does not exist on this host"],
    ["/dev/null", "/dev/null is not a block device"],
    ["sda", 'block device "sda" is not given by an absolute path'],
  ])("name a device that is there: %s", async (path, sentence) => {
    await expect(run("none", { blkioDeviceReadBps: [{ path, value: 1 }] })).rejects.toThrow(sentence);
  });

  it("are felt: memory above its limit ends the process", async () => {
    await run("big", { memory: 16 * mebibyte, memorySwap: 16 * mebibyte }, [
      "sh",
      "-c",
      "head -c 64m /dev/zero | tail -c 64m | wc -c",
    ]);
    const exit = await test.exitOf("big");
    expect(exit.oomKilled).toBe(true);
  });

  it("stand below a cgroup of the user's choice, until the end", async () => {
    const parent = `${test.config.names.cgroupParent}-chosen/deep`;
    const cgroupPath = `/${parent}/placed`;
    const bundle = await test.create("placed", { command: ["sleep", "100"], cgroupParent: `/${parent}` });
    await test.runtime.start("placed");
    expect(limitOf(cgroupPath, "memory", "cgroup.procs")).toMatch(/^\d+$/);
    await test.runtime.update("placed", { ...unlimited, pidsLimit: 9 });
    expect(limitOf(cgroupPath, "pids", "pids.max")).toBe("9");
    expect(await test.runtime.processes("placed")).toHaveLength(1);
    expect(existsSync(bundle)).toBe(true);
    await test.runtime.kill("placed", 9, false);
    await test.exitOf("placed");
    await test.runtime.delete("placed");
    test.runtime.forget("placed");
    const gone = (path: string) => cgroups.directoriesOf(path).every((directory) => !existsSync(directory));
    await until(() => gone(`/${test.config.names.cgroupParent}-chosen`), "what was made for it to go");
  });

  it("leave alone the cgroup that somebody else has made", async () => {
    const parent = `/${test.config.names.cgroupParent}-theirs`;
    const theirs = cgroups.pathOf("memory", parent) ?? "";
    mkdirSync(theirs);
    try {
      for (const id of ["first", "second"]) {
        await test.create(id, { command: ["sleep", "100"], cgroupParent: `${parent}/below` });
        await test.runtime.start(id);
      }
      await test.runtime.delete("first");
      expect(existsSync(join(theirs, "below/second"))).toBe(true);
      await test.runtime.delete("second");
      expect(existsSync(join(theirs, "below"))).toBe(false);
      expect(existsSync(theirs)).toBe(true);
    } finally {
      await openCgroups().remove(parent);
    }
  });
});
