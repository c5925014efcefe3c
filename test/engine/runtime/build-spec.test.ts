import { describe, expect, it } from "vitest";
import { capabilityNames } from "../../../engine/host/capabilities.ts";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";
import { buildSpec } from "../../../engine/runtime/spec/build-spec.ts";
import { resolveCommand } from "../../../engine/runtime/spec/command.ts";
import { splitDeviceNumber } from "../../../engine/runtime/spec/devices.ts";
import { parseHardLimits } from "../../../engine/runtime/spec/host-facts.ts";
import type { HostFacts, SpecInput } from "../../../engine/runtime/spec/types.ts";

const host: HostFacts = {
  architecture: "x64",
  kernel: "6.1.0-13-amd64",
  cpus: 4,
  capabilities: capabilityNames.filter((name) => name !== "CAP_SYS_RESOURCE"),
  cgroupNamespace: true,
  controllers: new Set(["cpu", "memory", "pids", "cpuset"]),
  swapAccounting: true,
  limits: new Set(["swappiness", "oom-kill-disable", "blkio-weight", "blkio-throttle"]),
  hardLimits: new Map([["nofile", 20_000]]),
  oomScoreAdj: 0,
  networkSysctls: true,
  thermalThrottlePaths: ["/sys/devices/system/cpu/cpu0/thermal_throttle"],
};
const image = {
  entrypoint: ["/entry"],
  command: ["serve"],
  environment: ["A=image", "PATH=/opt/bin:/bin"],
  user: "",
  workingDirectory: "/srv",
};

type Spec = {
  process: {
    args: string[];
    env: string[];
    cwd: string;
    capabilities: Record<string, string[]>;
    rlimits: unknown[];
    oomScoreAdj?: number;
  };
  mounts: { destination: string; type: string; source: string; options: string[] }[];
  linux: {
    namespaces: unknown[];
    resources: { devices: unknown[]; memory?: unknown; cpu?: unknown; pids?: unknown };
    sysctl: Record<string, string>;
    maskedPaths?: string[];
    readonlyPaths?: string[];
    seccomp?: unknown;
    devices: unknown[];
    rootfsPropagation?: string;
  };
};

function build(wishes: Partial<CreateRequest> = {}, more: Partial<SpecInput> = {}): { spec: Spec; warnings: string[] } {
  const { spec, warnings } = buildSpec({
    request: { ...emptyCreateRequest("web"), ...wishes },
    image,
    user: { uid: 0, gid: 0, additionalGids: [0] },
    rootfs: "/r",
    netnsPath: "/run/gantry/netns/x",
    hostname: "box",
    cgroupsPath: "/gantry/x",
    host,
    files: { hosts: "/c/hosts", resolvConf: "/c/resolv.conf", hostname: "/c/hostname" },
    initProgram: "/usr/bin/tini-static",
    devices: [],
    blockDevices: new Map(),
    seccomp: { defaultAction: "SCMP_ACT_ERRNO", architectures: [], syscalls: [] },
    ...more,
  });
  return { spec: spec as unknown as Spec, warnings };
}

describe("defaults", () => {
  it("are docker's", () => {
    const { spec, warnings } = build();
    expect(warnings).toEqual([]);
    expect(spec.process.args).toEqual(["/entry", "serve"]);
    expect(spec.process.env).toEqual(["PATH=/opt/bin:/bin", "HOSTNAME=box", "A=image"]);
    expect(spec.process.cwd).toBe("/srv");
    expect(spec.process.capabilities.bounding).toHaveLength(14);
    expect(spec.process.capabilities.inheritable).toEqual([]);
    expect(spec.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 1024, hard: 20_000 }]);
    expect(spec.process.oomScoreAdj).toBe(0);
    expect(spec.linux.namespaces).toEqual([
      { type: "mount" },
      { type: "uts" },
      { type: "pid" },
      { type: "ipc" },
      { type: "network", path: "/run/gantry/netns/x" },
      { type: "cgroup" },
    ]);
    expect(spec.linux.maskedPaths).toContain("/proc/kcore");
    expect(spec.linux.maskedPaths).toContain("/sys/devices/system/cpu/cpu0/thermal_throttle");
    expect(spec.linux.readonlyPaths).toContain("/proc/sys");
    expect(spec.linux.resources.devices[0]).toEqual({ allow: false, access: "rwm" });
    expect(spec.linux.sysctl["net.ipv4.ip_unprivileged_port_start"]).toBe("0");
    expect(spec.mounts.map(({ destination }) => destination)).toEqual([
      "/proc",
      "/dev",
      "/dev/pts",
      "/sys",
      "/sys/fs/cgroup",
      "/dev/mqueue",
      "/dev/shm",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/etc/hosts",
    ]);
    expect(spec.mounts[3]?.options).toContain("ro");
    expect(spec.mounts[6]?.options).toContain("size=67108864");
  });

  it("join the host's network without sysctls of their own", () => {
    const { spec } = build({ network: "host" }, { netnsPath: null });
    expect(spec.linux.namespaces).not.toContainEqual(expect.objectContaining({ type: "network" }));
    expect(spec.linux.sysctl).toEqual({});
  });

  it("leave a user other than root without effective capabilities", () => {
    const { spec } = build({}, { user: { uid: 1000, gid: 1000, additionalGids: [1000] } });
    expect(spec.process.capabilities.effective).toEqual([]);
    expect(spec.process.capabilities.bounding).toHaveLength(14);
  });
});

describe("command", () => {
  const resolve = (wishes: Partial<CreateRequest>) =>
    resolveCommand({ request: { ...emptyCreateRequest("web"), ...wishes }, image });

  it("merges entrypoint and command as docker does", () => {
    expect(resolve({ command: ["x"] })).toEqual(["/entry", "x"]);
    expect(resolve({ entrypoint: ["e"] })).toEqual(["e"]);
    expect(resolve({ entrypoint: [], command: ["x"] })).toEqual(["x"]);
    expect(() => resolve({ entrypoint: [] })).toThrow("no command to run: image web names none");
  });

  it("runs under an init", () => {
    const { spec } = build({ init: true });
    expect(spec.process.args).toEqual(["/sbin/docker-init", "--", "/entry", "serve"]);
    expect(spec.mounts.at(-1)).toEqual({
      destination: "/sbin/docker-init",
      type: "bind",
      source: "/usr/bin/tini-static",
      options: ["bind", "rprivate", "ro"],
    });
    expect(() => build({ init: true }, { initProgram: null })).toThrow("no init program");
  });

  it.each(["srv", "/proc/self/fd/7", "/proc/self/fd/../fd/8", "/proc/1/root/etc", "/a/../proc/thread-self/fd/7"])(
    "refuses the working directory %s",
    (workingDirectory) => {
      expect(() => build({ workingDirectory })).toThrow("working directory");
    },
  );

  it("lets later variables win and a bare name take one away", () => {
    const { spec } = build({ terminal: true, environment: ["A=mine", "HOSTNAME", "=bad", "B=a=b"] });
    expect(spec.process.env).toEqual(["PATH=/opt/bin:/bin", "TERM=xterm", "A=mine", "B=a=b"]);
  });
});

describe("capabilities", () => {
  const bounding = (wishes: Partial<CreateRequest>) => build(wishes).spec.process.capabilities.bounding;

  it("follow docker's arithmetic and never pass what the engine has", () => {
    expect(bounding({ capDrop: ["ALL"], capAdd: ["net_admin"] })).toEqual(["CAP_NET_ADMIN"]);
    expect(bounding({ capDrop: ["all"] })).toEqual([]);
    expect(bounding({ capAdd: ["ALL"], capDrop: ["CAP_CHOWN"] })).toHaveLength(capabilityNames.length - 2);
    expect(bounding({ capAdd: ["SYS_RESOURCE"] })).toHaveLength(14);
    expect(bounding({ privileged: true })).toEqual(host.capabilities);
    expect(() => bounding({ capAdd: ["SYS_GOD"] })).toThrow('capability "SYS_GOD" is not known');
  });
});

describe("privileged", () => {
  it("takes off filter and masks and opens the devices", () => {
    const device = {
      path: "/dev/fuse",
      type: "c" as const,
      major: 10,
      minor: 229,
      fileMode: 0o666,
      uid: 0,
      gid: 0,
      permissions: "rwm",
    };
    const { spec } = build({ privileged: true }, { devices: [device] });
    expect(spec.linux.seccomp).toBeUndefined();
    const named = build({ privileged: true, seccomp: { kind: "custom", profile: "{}" } });
    expect(named.spec.linux.seccomp).toBeDefined();
    expect(spec.linux.maskedPaths).toBeUndefined();
    expect(spec.linux.resources.devices).toEqual([{ allow: true, access: "rwm" }]);
    expect(spec.linux.devices).toHaveLength(1);
    expect(spec.mounts.find(({ destination }) => destination === "/sys")?.options).toContain("rw");
  });
});

describe("limits", () => {
  it("lowers what the host does not allow, with a warning", () => {
    const { spec, warnings } = build({ ulimits: [{ name: "nofile", soft: -1, hard: -1 }], oomScoreAdj: -500 });
    expect(spec.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 20_000, hard: 20_000 }]);
    expect(spec.process.oomScoreAdj).toBeUndefined();
    expect(warnings).toEqual([
      "oom score adjustment stays 0: this host does not let the engine lower it to -500",
      "ulimit nofile lowered to 20000: this host does not let the engine raise it",
    ]);
    expect(() => build({ ulimits: [{ name: "nofile", soft: 5, hard: 4 }] })).toThrow("above the hard limit");
    expect(() => build({ ulimits: [{ name: "nofiles", soft: 5, hard: 5 }] })).toThrow("ulimit nofiles is not known");
  });

  it("translates memory, CPU and processes", () => {
    const resources = {
      ...unlimited,
      memory: 64 << 20,
      nanoCpus: 1_500_000_000,
      cpuShares: 512,
      cpusetCpus: "0-1,3",
      pidsLimit: 100,
    };
    expect(build({ resources }).spec.linux.resources).toMatchObject({
      memory: { limit: 67_108_864, swap: 134_217_728 },
      cpu: { period: 100_000, quota: 150_000, shares: 512, cpus: "0-1,3" },
      pids: { limit: 100 },
    });
  });

  it("leaves out a limit whose controller is missing", () => {
    const resources = { ...unlimited, memory: 64 << 20, pidsLimit: 100, nanoCpus: 1e9, cpusetCpus: "0" };
    const { spec, warnings } = build({ resources }, { host: { ...host, controllers: new Set(["cpuset"]) } });
    expect(spec.linux.resources.memory).toBeUndefined();
    expect(spec.linux.resources.cpu).toEqual({ cpus: "0" });
    expect(warnings).toHaveLength(3);
  });

  it.each([
    [{ memory: 1000 }, "below the minimum"],
    [{ memory: 8 << 20, memorySwap: 7 << 20 }, "below the memory limit"],
    [{ memorySwap: 8 << 20 }, "needs a memory limit"],
    [{ nanoCpus: 5e9 }, "5 CPUs are out of range: this host has 4"],
    [{ cpusetCpus: "a-b" }, "is not of the form"],
    [{ cpuShares: 1 }, "1 CPU shares are below the least of 2"],
  ])("refuses %o", (wish, reason) => {
    expect(() => build({ resources: { ...unlimited, ...wish } })).toThrow(reason);
  });

  it("takes a limit of 0 for memory and swap for none, as docker does", () => {
    expect(build({ resources: { ...unlimited, memorySwap: 0 } }).warnings).toEqual([]);
  });

  it("reads /proc/self/limits", () => {
    const text =
      "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 20000                files     \nMax cpu time              unlimited            unlimited            seconds   \n";
    expect([...parseHardLimits(text)]).toEqual([
      ["nofile", 20_000],
      ["cpu", null],
    ]);
  });
});

describe("mounts", () => {
  const bind = {
    type: "bind" as const,
    source: "/src",
    target: "/data",
    readOnly: false,
    createSource: false,
    options: [],
  };

  it("puts shallow before deep and replaces defaults", () => {
    const { spec } = build({
      mounts: [
        { ...bind, target: "/data/deep/er" },
        { ...bind, target: "/data/", readOnly: true, propagation: "rslave" },
        { ...bind, target: "/etc/hosts" },
        { ...bind, type: "tmpfs", target: "/dev/shm", options: ["exec", "size=1m"] },
      ],
    });
    const own = spec.mounts.filter(({ source }) => source === "/src");
    expect(own.map(({ destination }) => destination)).toEqual(["/data", "/etc/hosts", "/data/deep/er"]);
    expect(own[0]?.options).toEqual(["rbind", "rslave", "ro", "rro"]);
    expect(spec.linux.rootfsPropagation).toBe("rslave");
    expect(spec.mounts.filter(({ destination }) => destination === "/dev/shm")).toEqual([
      { destination: "/dev/shm", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "exec", "size=1m"] },
    ]);
    expect(spec.mounts.filter(({ destination }) => destination === "/etc/hosts")).toHaveLength(1);
  });

  it.each([
    [[bind, bind], "used twice"],
    [[{ ...bind, target: "/" }], "below /"],
    [[{ ...bind, target: "data" }], "below /"],
    [[{ ...bind, source: "src" }], "not an absolute path"],
    [[{ ...bind, propagation: "odd" }], "is not known"],
    [[{ ...bind, type: "tmpfs" as const, options: ["size=1m,lowerdir=/"] }], "tmpfs option"],
  ])("refuses a bad mount %#", (mounts, reason) => {
    expect(() => build({ mounts })).toThrow(reason);
  });
});

it("refuses a sysctl that is the host's", () => {
  expect(build({ sysctls: { "net.core.somaxconn": "10" } }).spec.linux.sysctl["net.core.somaxconn"]).toBe("10");
  expect(() => build({ sysctls: { "kernel.core_pattern": "|/x" } })).toThrow("not a container's own");
  expect(() => build({ sysctls: { "net.core.somaxconn": "10" } }, { netnsPath: null })).toThrow("host's own network");
  expect(() => build({ sysctls: { "net/../kernel/core_pattern": "x" } })).toThrow("cannot be set");
});

it("splits device numbers as makedev(3) does", () => {
  expect(splitDeviceNumber(0x0103)).toEqual({ major: 1, minor: 3 });
  expect(splitDeviceNumber(0x10300001)).toEqual({ major: 0, minor: 0x10301 & 0xfffff });
});
