import { describe, expect, it } from "vitest";
import { createBody } from "../../../engine/docker-api/create/create-body.ts";
import { toCreateRequest } from "../../../engine/docker-api/create/to-create-request.ts";

const translate = (body: object, name = "") => toCreateRequest(name, createBody.parse(body), () => ["from-image"]);
const host = (HostConfig: object) => translate({ Image: "a", HostConfig });

describe("a request of docker's command line without any flags", () => {
  // What docker 28.2.2 sends for `docker create busybox`.
  const sent = {
    ...{ Hostname: "", Domainname: "", User: "", AttachStdin: false, AttachStdout: true, AttachStderr: true },
    ...{ Tty: false, OpenStdin: false, StdinOnce: false, Env: null, Cmd: null, Image: "busybox", Volumes: {} },
    ...{ WorkingDir: "", Entrypoint: null, OnBuild: null, Labels: {} },
    HostConfig: {
      ...{ Binds: null, ContainerIDFile: "", LogConfig: { Type: "", Config: {} }, NetworkMode: "default" },
      ...{ PortBindings: {}, RestartPolicy: { Name: "no", MaximumRetryCount: 0 }, AutoRemove: false },
      ...{ VolumeDriver: "", VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null, CapDrop: null, CgroupnsMode: "" },
      ...{ Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null, IpcMode: "", Cgroup: "" },
      ...{ Links: null, OomScoreAdj: 0, PidMode: "", Privileged: false, PublishAllPorts: false },
      ...{ ReadonlyRootfs: false, SecurityOpt: null, UTSMode: "", UsernsMode: "", ShmSize: 0, Isolation: "" },
      ...{ CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: "", BlkioWeight: 0, BlkioWeightDevice: [] },
      ...{ CpuPeriod: 0, CpuQuota: 0, CpusetCpus: "", Devices: [], DeviceCgroupRules: null, DeviceRequests: null },
      ...{ MemoryReservation: 0, MemorySwap: 0, MemorySwappiness: -1, OomKillDisable: false, PidsLimit: 0 },
      ...{ Ulimits: [], CpuCount: 0, CpuPercent: 0, MaskedPaths: null, ReadonlyPaths: null },
    },
    NetworkingConfig: {
      EndpointsConfig: { default: { IPAMConfig: null, Links: null, Aliases: null, MacAddress: "", DriverOpts: null } },
    },
  };

  it("asks for nothing but the image", () => {
    const bare = translate({ Image: "busybox" });
    expect(translate(sent)).toEqual(bare);
    expect(bare).toMatchObject({ image: "busybox", network: "bridge", endpoints: {}, mounts: [], ports: [] });
    expect(bare).not.toHaveProperty("command");
    expect(bare).not.toHaveProperty("hostname");
  });
});

describe("command and entrypoint", () => {
  it.each([
    [{ Cmd: ["a", "b"] }, { command: ["a", "b"] }],
    [{ Cmd: "a b" }, { command: ["a b"] }],
    [{ Cmd: [] }, {}],
    [{ Entrypoint: ["e"] }, { entrypoint: ["e"], command: [] }],
    [
      { Entrypoint: ["e"], Cmd: ["a"] },
      { entrypoint: ["e"], command: ["a"] },
    ],
    [{ Entrypoint: [] }, { entrypoint: [], command: ["from-image"] }],
    [
      { Entrypoint: [""], Cmd: ["a"] },
      { entrypoint: [], command: ["a"] },
    ],
  ])("of %j", (body, expected) => {
    const { command, entrypoint } = translate({ Image: "a", ...body });
    expect({ command, entrypoint }).toEqual({ command: undefined, entrypoint: undefined, ...expected });
  });
});

describe("mounts", () => {
  it("come of Binds, Mounts, Tmpfs and Volumes", () => {
    const { mounts } = translate({
      Image: "a",
      Volumes: { "/anonymous": {}, "/b": {} },
      HostConfig: {
        Binds: ["/a/:/b/:ro,rslave", "name:/c:nocopy,z", "/d"],
        Mounts: [
          { Type: "bind", Source: "/s", Target: "/t", BindOptions: { CreateMountpoint: true, NonRecursive: true } },
          {
            Type: "volume",
            Source: "v",
            Target: "/v",
            VolumeOptions: { Subpath: "x", DriverConfig: { Name: "local" } },
          },
          { Type: "tmpfs", Target: "/m", TmpfsOptions: { SizeBytes: 5, Mode: 0o1770, Options: [["noexec"]] } },
        ],
        Tmpfs: { "/run": "ro,size=1m" },
      },
    });
    expect(mounts).toMatchObject([
      { type: "bind", source: "/a", target: "/b", readOnly: true, propagation: "rslave", createSource: true },
      { type: "volume", source: "name", target: "/c", volume: { noCopy: true } },
      { type: "volume", source: "", target: "/d", createSource: true },
      { type: "bind", source: "/s", target: "/t", createSource: true, nonRecursive: true },
      { type: "volume", source: "v", target: "/v", createSource: false, volume: { subpath: "x", driver: "local" } },
      { type: "tmpfs", target: "/m", options: ["size=5", "mode=1770", "noexec"] },
      { type: "tmpfs", target: "/run", readOnly: true, options: ["size=1m"] },
      { type: "volume", source: "", target: "/anonymous" },
    ]);
  });

  it.each([
    [{ Binds: ["/a:/b", "/c:/b/"] }, "Duplicate mount point: /b"],
    [{ Binds: ["/a:/b:zz"] }, "invalid volume specification: '/a:/b:zz': invalid mode: zz"],
    [{ Binds: ["/a:/b:ro:x"] }, "invalid volume specification: '/a:/b:ro:x'"],
    [{ Binds: [":/b"] }, "invalid volume specification: ':/b'"],
    [{ Binds: ["/a:b"] }, "mount path must be absolute"],
    [{ Binds: ["/a:/"] }, "destination can't be '/'"],
    [{ Mounts: [{ Type: "bind", Source: "a", Target: "/b" }] }, "invalid mount path: 'a' mount path must be absolute"],
    [{ Mounts: [{ Type: "image", Source: "a", Target: "/b" }] }, 'mount type "image" at /b is not supported'],
  ])("are refused: %j", (wish, message) => {
    expect(() => host(wish)).toThrow(message);
  });
});

describe("ports", () => {
  it("come of PortBindings, single ones and ranges", () => {
    const { ports, expose } = translate({
      Image: "a",
      ExposedPorts: { "90": {}, "3000-3001/udp": {} },
      HostConfig: {
        PortBindings: {
          "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }, { HostPort: "9000-9010" }],
          "53/udp": [{}],
          "70-71": [{ HostPort: "1070-1071" }],
          "22/tcp": null,
        },
      },
    });
    expect(expose).toEqual(["90/tcp", "3000/udp", "3001/udp"]);
    const common = { hostAddress: "", protocol: "tcp" };
    expect(ports).toEqual(
      expect.arrayContaining([
        { ...common, hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80 },
        { ...common, hostPort: 9000, hostPortLast: 9010, containerPort: 80 },
        { ...common, protocol: "udp", hostPort: null, containerPort: 53 },
        { ...common, hostPort: 1070, containerPort: 70 },
        { ...common, hostPort: 1071, containerPort: 71 },
      ]),
    );
    expect(ports).toHaveLength(5);
  });

  it("are no more than there can be", () => {
    const ranges = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index + 1}-65535`, {}]));
    expect(() => translate({ Image: "a", ExposedPorts: ranges })).toThrow("more than 196605 ports are named");
    const PortBindings = { "1-65535": Array.from({ length: 9 }, () => ({})) };
    expect(() => host({ PortBindings })).toThrow("more than 196605 ports are named");
  });

  it.each(["x/tcp", "80/foo", "0", "70000", "9-8"])("are refused: %s", (key) => {
    expect(() => host({ PortBindings: { [key]: [{}] } })).toThrow("invalid port specification");
  });
});

describe("networks", () => {
  const networks = (NetworkMode: string, EndpointsConfig: object, more: object = {}) => {
    const { network, endpoints } = translate({
      Image: "a",
      ...more,
      HostConfig: { NetworkMode },
      NetworkingConfig: { EndpointsConfig },
    });
    return { network, endpoints };
  };

  it("are those of the places, the main one that of the mode", () => {
    expect(networks("front", { front: { Aliases: ["x"] }, back: null })).toEqual({
      network: "front",
      endpoints: { front: { aliases: ["x"] }, back: { aliases: [] } },
    });
    // As moby: a place that is given goes before the default.
    expect(networks("default", { front: {} })).toEqual({ network: "front", endpoints: {} });
    expect(networks("front", { front: {}, back: { GwPriority: 1 } }).network).toBe("back");
    expect(networks("front", {}, { MacAddress: "92:d0:c6:0a:29:33" }).endpoints).toEqual({
      front: { aliases: [], macAddress: "92:d0:c6:0a:29:33" },
    });
    expect(networks("front", {}, { NetworkDisabled: true }).network).toBe("none");
  });

  it("are none of a mode without", () => {
    expect(networks("host", { host: {} })).toEqual({ network: "host", endpoints: {} });
    expect(() => networks("host", { bridge: {} })).toThrow("conflicting options");
    expect(() => networks("none", { none: { Aliases: ["x"] } })).toThrow("conflicting options");
  });
});

describe("security options", () => {
  it("are taken with both separators", () => {
    const SecurityOpt = ["no-new-privileges:true", "seccomp=unconfined", "label:disable", "apparmor=x"];
    expect(host({ SecurityOpt })).toMatchObject({
      noNewPrivileges: true,
      seccomp: { kind: "unconfined" },
      apparmor: "x",
      unmaskedPaths: false,
    });
    expect(host({ SecurityOpt: ['seccomp={"a":1}'] }).seccomp).toEqual({ kind: "custom", profile: '{"a":1}' });
    expect(host({ MaskedPaths: [], ReadonlyPaths: [] }).unmaskedPaths).toBe(true);
    expect(host({ MaskedPaths: null, ReadonlyPaths: null }).unmaskedPaths).toBe(false);
  });

  it.each([
    [{ SecurityOpt: ["nosuch"] }, 'invalid --security-opt 1: "nosuch"'],
    [{ MaskedPaths: ["/x"] }, "lists of MaskedPaths and ReadonlyPaths are not supported"],
    [{ MaskedPaths: [] }, "lists of MaskedPaths and ReadonlyPaths are not supported"],
  ])("are refused: %j", (wish, message) => {
    expect(() => host(wish)).toThrow(message);
  });
});

describe("what would silently not be there", () => {
  it.each([
    [{ DeviceRequests: [{ Capabilities: [["gpu"]] }] }, 'could not select device driver "" with capabilities: [[gpu]]'],
    [{ StorageOpt: { size: "1G" } }, "--storage-opt is supported only for overlay over xfs"],
    [{ LogConfig: { Type: "syslog" } }, "log driver syslog is not supported"],
    [{ LogConfig: { Type: "nosuch" } }, "logger: no log driver named 'nosuch' is registered"],
    [{ Isolation: "hyperv" }, "linux only supports 'default'"],
    [{ Cgroup: "container:x" }, "is not supported"],
    [{ RestartPolicy: { Name: "maybe" } }, "unknown policy 'maybe'"],
    [{ OomScoreAdj: 1001 }, "range for oom score adj"],
    [{ ExtraHosts: ["db"] }, "bad format for add-host"],
    [{ VolumesFrom: ["a:b"] }, "invalid volumes-from specification: 'a:b'"],
  ])("is refused: %j", (wish, message) => {
    expect(() => host(wish)).toThrow(message);
  });
});

describe("limits", () => {
  it("of 0 are none, and so is a number of processes below 1", () => {
    const { resources } = host({ Memory: 0, PidsLimit: -1, MemorySwap: -1, NanoCpus: 5 });
    expect(resources).toMatchObject({ memory: null, pidsLimit: null, memorySwap: -1, nanoCpus: 5 });
    expect(host({ Ulimits: [{ Name: "core", Soft: -1, Hard: -1 }] }).ulimits).toEqual([
      { name: "core", soft: -1, hard: -1 },
    ]);
  });
});
