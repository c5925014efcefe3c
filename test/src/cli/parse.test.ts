import { describe, expect, it } from "vitest";
import { parseDetachKeys } from "../../../src/cli/parse/detach-keys.ts";
import { parseEnvironmentFile, parseLabel, parseVariable } from "../../../src/cli/parse/environment.ts";
import {
  parseDevice,
  parseExtraHost,
  parseNetwork,
  parseRestartPolicy,
  parseSecurityOptions,
  parseUlimit,
} from "../../../src/cli/parse/limits.ts";
import { parseMount, parseTmpfs, parseVolume } from "../../../src/cli/parse/mounts.ts";
import { parsePort } from "../../../src/cli/parse/ports.ts";
import { parseBytes, parseCpus, parseInteger } from "../../../src/cli/parse/sizes.ts";

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
    expect(parseVolume(text, "/here")).toEqual(expected);
  });

  it.each([
    ["data:/b", "named volumes are not supported yet"],
    ["/b", "anonymous volumes are not supported yet"],
    ["/a:b", "is not an absolute path"],
    ["/a:/", "may not be /"],
    ["/a:/b:rx", 'unknown option "rx"'],
    ["/a:/b:ro:z", "want source:target[:options]"],
  ])("refuses %s", (text, message) => {
    expect(() => parseVolume(text, "/here")).toThrow(message);
  });
});

describe("parseMount", () => {
  it("reads a bind with other spellings and quoted fields", () => {
    expect(parseMount('type=bind,"src=/a,b",dst=/c,ro,bind-propagation=rslave', "/here")).toEqual({
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
    expect(parseMount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770", "/here")).toMatchObject({
      type: "tmpfs",
      target: "/t",
      options: ["size=1048576", "mode=1770"],
    });
    expect(parseTmpfs("/run:rw,noexec,size=64m")).toMatchObject({ target: "/run", options: ["noexec", "size=64m"] });
  });

  it.each([
    ["source=/a,target=/b", "volumes are not supported yet"],
    ["type=npipe,target=/b", 'unknown type "npipe"'],
    ["type=bind,target=/b", "source is missing"],
    ["type=bind,source=/a,target=/b,readonly=maybe", "readonly is true or false"],
    ["type=bind,source=/a,target=/b,colour=red", 'unknown key "colour"'],
    ["type=bind,source,target=/b", "source needs a value"],
  ])("refuses %s", (text, message) => {
    expect(() => parseMount(text, "/here")).toThrow(message);
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

  it("reads hosts and networks", () => {
    expect(parseExtraHost("db:10.0.0.1")).toEqual({ name: "db", address: "10.0.0.1" });
    expect(parseExtraHost("db:::1")).toEqual({ name: "db", address: "::1" });
    expect(parseExtraHost("db=[::1]")).toEqual({ name: "db", address: "::1" });
    expect(parseNetwork("host")).toBe("host");
    expect(() => parseNetwork("mine")).toThrow("own networks are not supported yet");
  });

  it("reads security options", () => {
    const read = (path: string) => `profile ${path}`;
    expect(parseSecurityOptions(["no-new-privileges", "seccomp=p.json"], read)).toEqual({
      noNewPrivileges: true,
      seccomp: { kind: "custom", profile: "profile p.json" },
    });
    expect(parseSecurityOptions(["seccomp:unconfined", "apparmor=unconfined"], read).seccomp.kind).toBe("unconfined");
    expect(() => parseSecurityOptions(["apparmor=mine"], read)).toThrow("not supported");
  });
});

it("reads detach keys", () => {
  expect([...parseDetachKeys("ctrl-p,ctrl-q")]).toEqual([16, 17]);
  expect([...parseDetachKeys("a,ctrl-]")]).toEqual([97, 29]);
  expect(() => parseDetachKeys("ctrl-ab")).toThrow("--detach-keys");
});
