import { describe, expect, it } from "vitest";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../../engine/protocol/defaults.ts";
import { buildSpec } from "../../../engine/runtime/spec/build-spec.ts";
import { parseDeviceRule } from "../../../engine/runtime/spec/devices.ts";
import { getHostFacts } from "../../../engine/runtime/spec/host-facts.ts";
import { parseModes } from "../../../engine/runtime/spec/namespaces.ts";
import type { SpecInput } from "../../../engine/runtime/spec/types.ts";

type Spec = {
  hostname?: string;
  annotations?: Record<string, string>;
  process: { apparmorProfile?: string };
  mounts: { destination: string; type: string; source: string; options: string[] }[];
  linux: {
    namespaces: { type: string; path?: string }[];
    resources: { devices: unknown[] };
    sysctl: Record<string, string>;
    maskedPaths?: string[];
    readonlyPaths?: string[];
    uidMappings?: unknown;
    gidMappings?: unknown;
  };
};

function build(wishes: Partial<CreateRequest> = {}, more: Partial<SpecInput> = {}): Spec {
  const { spec } = buildSpec({
    request: { ...emptyCreateRequest("web"), ...wishes },
    image: { entrypoint: [], command: ["serve"], environment: [], user: "", workingDirectory: "" },
    user: { uid: 0, gid: 0, additionalGids: [0] },
    rootfs: "/r",
    netnsPath: "/netns",
    hostname: "box",
    cgroupsPath: "/gantry/x",
    host: { ...getHostFacts(), cgroupNamespace: true, networkSysctls: true },
    files: { hosts: null, resolvConf: null, hostname: null },
    initProgram: null,
    devices: [],
    blockDevices: new Map(),
    seccomp: null,
    ...more,
  });
  return spec as unknown as Spec;
}

const typesOf = (spec: Spec) => spec.linux.namespaces.map(({ type }) => type);
const mountAt = (spec: Spec, path: string) => spec.mounts.find(({ destination }) => destination === path);

describe("namespace modes", () => {
  const modes = (wishes: Partial<CreateRequest>) => parseModes({ ...emptyCreateRequest("web"), ...wishes });

  it("are docker's words", () => {
    expect(modes({})).toEqual(modes({ ipcMode: "private", pidMode: "private", cgroupnsMode: "private" }));
    expect(modes({ ipcMode: "container:a:b" }).ipc).toEqual({ kind: "container", container: "a:b" });
    expect(modes({ ipcMode: "shareable" }).ipc).toEqual({ kind: "shareable" });
    expect(modes({ usernsMode: "auto" }).ids).toBe(65_536);
    expect(modes({ usernsMode: "auto:size=4096" }).ids).toBe(4096);
    expect(modes({ usernsMode: "host" }).ids).toBeNull();
  });

  it.each([
    [{ ipcMode: "container:" }, "--ipc container: names no container"],
    [{ ipcMode: "private:x" }, '--ipc "private:x" is not known'],
    [{ utsMode: "container:a" }, '--uts "container:a" is not known'],
    [{ cgroupnsMode: "none" }, '--cgroupns "none" is not known'],
    [{ usernsMode: "auto:size=x" }, '--userns "auto:size=x" is not known'],
    [{ usernsMode: "auto", network: "container:a" }, "cannot be used together with --network container"],
  ])("refuse %j", (wishes, sentence) => {
    expect(() => modes(wishes)).toThrow(sentence);
  });
});

describe("the spec", () => {
  it("leaves out namespaces of the host, with what belongs to them", () => {
    const spec = build({ ipcMode: "host", pidMode: "host", utsMode: "host", cgroupnsMode: "host" });
    expect(typesOf(spec)).toEqual(["mount", "network"]);
    expect(spec.hostname).toBeUndefined();
    expect(mountAt(spec, "/dev/shm")).toMatchObject({ type: "bind", source: "/dev/shm" });
    expect(spec.linux.maskedPaths).toContain("/proc/kcore");
  });

  it("joins those of others by their files", () => {
    const joined = { ipc: "/proc/1/fd/8", pid: "/proc/1/fd/9", shm: "/run/shm/x" };
    const spec = build({ ipcMode: "container:a", pidMode: "container:b" }, { joined });
    expect(spec.linux.namespaces).toContainEqual({ type: "ipc", path: "/proc/1/fd/8" });
    expect(spec.linux.namespaces).toContainEqual({ type: "pid", path: "/proc/1/fd/9" });
    expect(mountAt(spec, "/dev/shm")).toMatchObject({ type: "bind", source: "/run/shm/x" });
  });

  it("mounts a /dev/shm of the size that was asked for, or none", () => {
    expect(mountAt(build({ shmSize: 1234 }), "/dev/shm")?.options).toContain("size=1234");
    expect(mountAt(build({ ipcMode: "none" }), "/dev/shm")).toBeUndefined();
  });

  it("maps ids first of all, and lets those groups ping that there are", () => {
    const user = { path: "/proc/1/fd/7", ids: { start: 2 ** 30, size: 1000 } };
    const spec = build({ usernsMode: "auto" }, { joined: { user } });
    expect(spec.linux.namespaces[0]).toEqual({ type: "user", path: "/proc/1/fd/7" });
    expect(spec.linux.uidMappings).toEqual([{ containerID: 0, hostID: 2 ** 30, size: 1000 }]);
    expect(spec.linux.gidMappings).toEqual(spec.linux.uidMappings);
    expect(spec.linux.sysctl["net.ipv4.ping_group_range"]).toBe("0 999");
  });

  it("says nothing of what nobody asked for", () => {
    const spec = build();
    expect(Object.keys(spec)).toEqual(["ociVersion", "hostname", "root", "process", "mounts", "linux"]);
    expect(spec.process.apparmorProfile).toBeUndefined();
  });

  it("has annotations, domain name, profile, and unmasked paths", () => {
    const wishes = { annotations: { "org.example": "x" }, domainname: "example.org", unmaskedPaths: true };
    const spec = build(wishes, { apparmor: "gantry-default" });
    expect(spec.annotations).toEqual({ "org.example": "x" });
    expect(spec.linux.sysctl["kernel.domainname"]).toBe("example.org");
    expect(spec.process.apparmorProfile).toBe("gantry-default");
    expect(spec.linux.maskedPaths).toBeUndefined();
    expect(spec.linux.readonlyPaths).toBeUndefined();
    expect(build({ domainname: "x", utsMode: "host" }).linux.sysctl["kernel.domainname"]).toBeUndefined();
  });

  it("sets no sysctl of a network that is another's", () => {
    expect(build({ network: "container:a" }).linux.sysctl).toEqual({});
  });
});

describe("device rules", () => {
  it("come after docker's own", () => {
    const { devices } = build({ deviceCgroupRules: ["c 13:* rwm", "b *:5 r", "a *:* rwm"] }).linux.resources;
    expect(devices.slice(-3)).toEqual([
      { allow: true, type: "c", major: 13, access: "rwm" },
      { allow: true, type: "b", minor: 5, access: "r" },
      { allow: true, type: "a", access: "rwm" },
    ]);
  });

  it.each(["c 13 rwm", "x 1:1 r", "c 1:1 rx", "c 1:1", "c -1:1 r", ""])("refuse %j", (rule) => {
    expect(() => parseDeviceRule(rule)).toThrow(`device rule ${JSON.stringify(rule)} cannot be read`);
  });
});
