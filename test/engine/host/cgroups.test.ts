import { expect, it } from "vitest";
import { Cgroups, type Hierarchy, parseCgroupMounts, parseProcCgroup } from "../../../engine/host/cgroups.ts";

const kernel = new Set(["cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "freezer"]);
const line = (device: string, root: string, point: string, end: string) =>
  `31 23 ${device} ${root} ${point} rw,relatime shared:9 - ${end}\n`;
const joint = line("0:29", "/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup cgroup rw,cpu,cpuacct");
const memory = line("0:30", "/", "/sys/fs/cgroup/memory", "cgroup cgroup rw,memory,clone_children");
const systemd = line("0:31", "/", "/sys/fs/cgroup/systemd", "cgroup cgroup rw,xattr,name=systemd");
const unified = line("0:32", "/", "/sys/fs/cgroup/unified", "cgroup2 cgroup2 rw,nsdelegate");

function v2(controllers: string[]): Hierarchy {
  return { version: 2, mountPoint: "/sys/fs/cgroup", mountRoot: "/", controllers };
}

it("reads joint, single and named v1 hierarchies and cgroup2 beside them", () => {
  const mounts = parseCgroupMounts(`20 1 0:5 / /proc rw - proc proc rw\n${joint}${memory}${systemd}${unified}`);
  expect(mounts.map(({ version, controllers }) => [version, controllers])).toEqual([
    [1, ["cpu", "cpuacct"]],
    [1, ["memory"]],
    [1, []],
    [2, []],
  ]);
});

it("lists a hierarchy that is mounted twice once", () => {
  const again = line("0:30", "/", "/mnt/memory", "cgroup cgroup rw,memory");
  expect(parseCgroupMounts(memory + again).map((mount) => mount.mountPoint)).toEqual(["/sys/fs/cgroup/memory"]);
});

it("understands escapes in mount points", () => {
  const [mount] = parseCgroupMounts(line("0:30", "/", "/mnt/a\\040b", "cgroup2 cgroup2 rw"));
  expect(mount?.mountPoint).toBe("/mnt/a b");
});

it.each([
  ["v1", joint],
  ["hybrid", joint + unified],
  ["v2", unified],
])("calls it %s", (mode, mountinfo) => {
  expect(new Cgroups(parseCgroupMounts(mountinfo), kernel).mode).toBe(mode);
});

it("finds a controller by the name of either version", () => {
  expect(new Cgroups([v2(["cpu", "io"])], kernel).pathOf("blkio", "gantry/a")).toBe("/sys/fs/cgroup/gantry/a");
  const v1 = new Cgroups(parseCgroupMounts(joint + memory), kernel);
  expect(v1.pathOf("cpuacct", "gantry/a")).toBe("/sys/fs/cgroup/cpu,cpuacct/gantry/a");
  expect(v1.pathOf("pids", "gantry/a")).toBeNull();
});

it("takes off the part of a path that lies above a mount of a part of the hierarchy", () => {
  const inside = parseCgroupMounts(line("0:30", "/docker/c1", "/sys/fs/cgroup/memory", "cgroup cgroup rw,memory"));
  const cgroups = new Cgroups(inside, kernel);
  expect(cgroups.pathOf("memory", "/docker/c1/gantry/a")).toBe("/sys/fs/cgroup/memory/gantry/a");
  expect(cgroups.pathOf("memory", "gantry/a")).toBe("/sys/fs/cgroup/memory/gantry/a");
});

it.each(["", "/", "a/../..", "./a"])("refuses %j as a cgroup to work on", (path) => {
  const cgroups = new Cgroups([v2([])], kernel);
  expect(() => cgroups.directoriesOf(path)).toThrow(`cgroup path ${JSON.stringify(path)} names no cgroup of its own`);
});

it("tells what is missing and what that means", () => {
  const cgroups = new Cgroups(parseCgroupMounts(joint + memory), new Set(["pids"]));
  const missing = cgroups.facts().filter((fact) => fact.status !== "ready");
  expect(missing.map(({ controller, status }) => `${controller} ${status}`)).toEqual([
    "cpuset not-in-kernel",
    "pids not-mounted",
    "blkio not-in-kernel",
    "devices not-in-kernel",
    "freezer not-in-kernel",
  ]);
  expect(missing[1]?.consequence).toBe("--pids-limit has no effect: a fork bomb reaches the host");
});

it("asks v2 only for the controllers that v2 has", () => {
  const all = new Cgroups([v2(["cpu", "cpuset", "memory", "pids", "io"])], kernel);
  expect(all.facts().every((fact) => fact.status === "ready")).toBe(true);
  const facts = new Cgroups([v2(["cpu", "memory"])], kernel).facts();
  expect(facts.filter((fact) => fact.status !== "ready").map((fact) => fact.controller)).toEqual([
    "cpuset",
    "pids",
    "io",
  ]);
});

it("reads where a process is in each hierarchy", () => {
  const paths = parseProcCgroup("9:name=systemd:/\n4:memory:/a/b:c\n2:cpu,cpuacct:/x\n0::/u\nnonsense\n");
  expect(Object.fromEntries(paths)).toEqual({
    "name=systemd": "/",
    memory: "/a/b:c",
    cpu: "/x",
    cpuacct: "/x",
    "": "/u",
  });
});
