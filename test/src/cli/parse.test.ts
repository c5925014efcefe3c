import { describe, expect, it } from "vitest";
import { parseEnvironmentFile, parseLabel, parseVariable } from "../../../src/cli/parse/environment.ts";
import {
  parseDevice,
  parseExtraHost,
  parseRestartPolicy,
  parseSecurityOptions,
  parseUlimit,
} from "../../../src/cli/parse/limits.ts";
import { parseMount, parseTmpfs } from "../../../src/cli/parse/mounts.ts";
import { parsePort } from "../../../src/cli/parse/ports.ts";
import { parseBytes, parseCpus, parseInteger } from "../../../src/cli/parse/sizes.ts";
import { parseVolume, parseVolumesFrom } from "../../../src/cli/parse/volumes.ts";

const defaults = { directory: "/here", driver: "local" };
const tcp = { hostAddress: "", protocol: "tcp" };

describe("parsePort", () => {
  it.each([
    ["80", [{ ...tcp, hostPort: null, containerPort: 80 }]],
    ["8080:80", [{ ...tcp, hostPort: 8080, containerPort: 80 }]],
    ["53:53/udp", [{ hostAddress: "", hostPort: 53, containerPort: 53, protocol: "udp" }]],
    ["127.0.0.1:8080:80", [{ ...tcp, hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80 }]],
    ["127.0.0.1::80", [{ ...tcp, hostAddress: "127.0.0.1", hostPort: null, containerPort: 80 }]],
    ["[::1]:8080:80", [{ ...tcp, hostAddress: "::1", hostPort: 8080, containerPort: 80 }]],
    [
      "9000-9001:90-91",
      [
        { ...tcp, hostPort: 9000, containerPort: 90 },
        { ...tcp, hostPort: 9001, containerPort: 91 },
      ],
    ],
    [
      "90-91",
      [
        { ...tcp, hostPort: null, containerPort: 90 },
        { ...tcp, hostPort: null, containerPort: 91 },
      ],
    ],
  ])("reads %s", (text, expected) => {
    expect(parsePort(text)).toEqual(expected);
  });

  it.each([
    ["", '"" is not a port'],
    ["80:0", '"0" is not a port'],
    ["8080:65536", '"65536" is not a port'],
    ["80-90:80-81", "differ in length"],
    ["91-90", "is not a range"],
    ["a.b:80:80", "is not an IP address"],
    ["1:2:3:4", "want [address:]"],
    ["80/icmp", "unknown protocol"],
  ])("refuses %s", (text, message) => {
    expect(() => parsePort(text)).toThrow(message);
  });
});

describe("parseVolume", () => {
  const bind = { type: "bind", readOnly: false, createSource: true, options: [] };
  it.each([
    ["/a:/b", { ...bind, source: "/a", target: "/b" }],
    ["./a:/b:ro", { ...bind, source: "/here/a", target: "/b", readOnly: true }],
    ["../a:/b/", { ...bind, source: "/a", target: "/b" }],
    ["/a:/b:ro,rshared,z", { ...bind, source: "/a", target: "/b", readOnly: true, propagation: "rshared" }],
  ])("reads %s", (text, expected) => {
    expect(parseVolume(text, defaults)).toEqual(expected);
  });

  const volume = { type: "volume", readOnly: false, createSource: true, options: [] };
  const fresh = { noCopy: false, subpath: "", driver: "local", driverOptions: {}, labels: {} };
  it.each([
    ["data:/b", { ...volume, source: "data", target: "/b", volume: fresh }],
    ["/b", { ...volume, source: "", target: "/b", volume: fresh }],
    [
      "data:/b:ro,nocopy",
      { ...volume, source: "data", target: "/b", readOnly: true, volume: { ...fresh, noCopy: true } },
    ],
  ])("reads %s as a volume", (text, expected) => {
    expect(parseVolume(text, defaults)).toEqual(expected);
  });

  it("gives new volumes the driver of --volume-driver, and reads --volumes-from", () => {
    expect(parseVolume("data:/b", { ...defaults, driver: "nfs" }).volume?.driver).toBe("nfs");
    expect(["a", "a:ro", "a:rw,z"].map(parseVolumesFrom)).toEqual(["a", "a:ro", "a:rw"]);
    expect(() => parseVolumesFrom("a:rx")).toThrow("want container[:ro|rw]");
  });

  it.each([
    ["data/sub:/b", "for a directory want ./data/sub"],
    ["data:/b:rshared", "rshared is for host directories"],
    ["/a:/b:nocopy", "nocopy is for volumes"],
    ["/a:/b:ro,rw", "exclude each other"],
    ["/a:/b:rshared,rslave", "more than one propagation"],
    ["/b:ro", 'target "ro" is not an absolute path'],
    ["/a:b", "is not an absolute path"],
    ["/a:/", "may not be /"],
    ["/a:/b:rx", 'unknown option "rx"'],
    ["/a:/b:ro:z", "want [source:]target[:options]"],
  ])("refuses %s", (text, message) => {
    expect(() => parseVolume(text, defaults)).toThrow(message);
  });
});

describe("parseMount", () => {
  it("reads a bind with other spellings and quoted fields", () => {
    expect(parseMount('type=bind,"src=/a,b",dst=/c,ro,bind-propagation=rslave', defaults)).toEqual({
      type: "bind",
      source: "/a,b",
      target: "/c",
      readOnly: true,
      createSource: false,
      options: [],
      propagation: "rslave",
    });
  });

  it("reads a tmpfs", () => {
    expect(parseMount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770", defaults)).toMatchObject({
      type: "tmpfs",
      target: "/t",
      options: ["size=1048576", "mode=1770"],
    });
    expect(parseTmpfs("/run:rw,noexec,size=64m")).toMatchObject({ target: "/run", options: ["noexec", "size=64m"] });
  });

  it("reads a volume", () => {
    const text =
      "src=data,dst=/b,volume-subpath=a/b,volume-nocopy,volume-opt=type=nfs,volume-opt=o=addr=x,volume-label=l";
    expect(parseMount(text, defaults)).toMatchObject({
      type: "volume",
      source: "data",
      target: "/b",
      volume: {
        noCopy: true,
        subpath: "a/b",
        driver: "local",
        driverOptions: { type: "nfs", o: "addr=x" },
        labels: { l: "" },
      },
    });
    expect(parseMount("target=/b,volume-driver=x", defaults)).toMatchObject({ source: "", volume: { driver: "x" } });
    expect(parseMount("type=bind,src=/a,dst=/b,bind-recursive=disabled", defaults)).toMatchObject({
      nonRecursive: true,
    });
    const deep = "type=bind,src=/a,dst=/b,ro,bind-propagation=rprivate,bind-recursive=readonly";
    expect(parseMount(deep, defaults)).toMatchObject({ readOnly: true, recursiveReadOnly: "always" });
    const flat = "type=bind,src=/a,dst=/b,ro,bind-recursive=writable";
    expect(parseMount(flat, defaults)).toMatchObject({ readOnly: true, recursiveReadOnly: "never" });
    expect(parseMount("type=bind,src=/a,dst=/b,bind-nonrecursive=false", defaults).nonRecursive).toBeUndefined();
  });

  it.each([
    ["type=bind,source=/a", "target is missing"],
    ["type=bind,source=/a,target=/b,volume-nocopy", "volume-nocopy does not go with type=bind"],
    ["type=volume,target=/b,tmpfs-size=1m", "tmpfs-size does not go with type=volume"],
    ["type=bind,source=/a,target=/b,bind-recursive=some", "bind-recursive is enabled, disabled, writable or readonly"],
    ["type=bind,source=/a,target=/b,bind-recursive=writable", "goes with readonly only"],
    ["type=bind,source=/a,target=/b,bind-recursive=readonly,ro", "goes with bind-propagation=rprivate only"],
    ["type=volume,target=/b,volume-subpath=/x", "is not relative"],
    ["type=tmpfs,target=/b,tmpfs-mode=99", "is no octal number"],
    ["type=npipe,target=/b", 'unknown type "npipe"'],
    ["type=bind,target=/b", "source is missing"],
    ["type=bind,source=/a,target=/b,readonly=maybe", "readonly is true or false"],
    ["type=bind,source=/a,target=/b,colour=red", 'unknown key "colour"'],
    ["type=bind,source,target=/b", "source needs a value"],
  ])("refuses %s", (text, message) => {
    expect(() => parseMount(text, defaults)).toThrow(message);
  });
});

describe("sizes", () => {
  it.each([
    ["512", 512],
    ["64k", 65536],
    ["1.5m", 1572864],
    ["2GiB", 2147483648],
    ["1kb", 1024],
  ])("reads %s", (text, expected) => {
    expect(parseBytes("--memory", text)).toBe(expected);
  });

  it("names the flag and the value", () => {
    expect(() => parseBytes("--memory", "much")).toThrow('invalid --memory "much"');
    expect(() => parseBytes("--memory", "-5m")).toThrow("invalid --memory");
    expect(() => parseInteger("--last", "1.5")).toThrow("want a whole number");
    expect(() => parseInteger("--pids-limit", "-2", { minimum: -1 })).toThrow("invalid --pids-limit");
  });

  it("reads CPUs", () => {
    expect(parseCpus("0.5")).toBe(500_000_000);
    expect(parseCpus(".25")).toBe(250_000_000);
    expect(() => parseCpus("half")).toThrow("--cpus");
  });
});

describe("environment", () => {
  it("takes a bare name from our own environment", () => {
    expect(parseVariable("A=b=c", {})).toBe("A=b=c");
    expect(parseVariable("HOME", { HOME: "/root" })).toBe("HOME=/root");
    expect(parseVariable("MISSING", {})).toBe("MISSING");
    expect(() => parseVariable("=x", {})).toThrow("the name is missing");
  });

  it("reads a file literally", () => {
    const content = '\uFEFF# comment\n\nA=1\n  B="two" # kept\r\nUSER\nGONE\n';
    expect(parseEnvironmentFile("f", content, { USER: "me" })).toEqual(["A=1", 'B="two" # kept', "USER=me"]);
    expect(() => parseEnvironmentFile("f", "A=1\nB C=2\n", {})).toThrow("f:2");
  });

  it("reads labels", () => {
    expect(parseLabel("a=b=c")).toEqual(["a", "b=c"]);
    expect(parseLabel("alone")).toEqual(["alone", ""]);
  });
});

describe("limits", () => {
  it("reads ulimits", () => {
    expect(parseUlimit("nofile=10:20")).toEqual({ name: "nofile", soft: 10, hard: 20 });
    expect(parseUlimit("core=-1")).toEqual({ name: "core", soft: -1, hard: -1 });
    expect(() => parseUlimit("nofile=20:10")).toThrow("above the hard limit");
    expect(() => parseUlimit("files=1")).toThrow('unknown limit "files"');
  });

  it("reads devices", () => {
    expect(parseDevice("/dev/fuse")).toEqual({ hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" });
    expect(parseDevice("/dev/a:r")).toEqual({ hostPath: "/dev/a", containerPath: "/dev/a", permissions: "r" });
    expect(parseDevice("/dev/a:/dev/b:rw")).toEqual({ hostPath: "/dev/a", containerPath: "/dev/b", permissions: "rw" });
    expect(() => parseDevice("/dev/a:/dev/b:x")).toThrow("want /dev/x");
  });

  it("reads restart policies", () => {
    expect(parseRestartPolicy("on-failure:3")).toEqual({ name: "on-failure", maximumRetryCount: 3 });
    expect(() => parseRestartPolicy("always:3")).toThrow("invalid restart policy");
  });

  it("reads hosts", () => {
    expect(parseExtraHost("db:10.0.0.1")).toEqual({ name: "db", address: "10.0.0.1" });
    expect(parseExtraHost("db:::1")).toEqual({ name: "db", address: "::1" });
    expect(parseExtraHost("db=[::1]")).toEqual({ name: "db", address: "::1" });
  });

  it("reads security options", () => {
    const read = (path: string) => `profile ${path}`;
    expect(parseSecurityOptions(["no-new-privileges", "seccomp=p.json"], read)).toEqual({
      noNewPrivileges: true,
      seccomp: { kind: "custom", profile: "profile p.json" },
      apparmor: "",
      unmaskedPaths: false,
    });
    expect(parseSecurityOptions(["apparmor=mine", "systempaths=unconfined", "label=disable"], read)).toMatchObject({
      apparmor: "mine",
      unmaskedPaths: true,
    });
    expect(parseSecurityOptions(["seccomp:unconfined", "apparmor=unconfined"], read).seccomp.kind).toBe("unconfined");
    expect(() => parseSecurityOptions(["label=type:x"], read)).toThrow("SELinux labels");
    expect(() => parseSecurityOptions(["no-new-privileges=maybe"], read)).toThrow("want true or false");
  });
});
