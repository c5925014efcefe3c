import { describe, expect, it } from "vitest";
import { parseDetachKeys } from "../../../src/cli/parse/detach-keys.ts";
import {
  parseDeviceIOps,
  parseDeviceRate,
  parseDeviceRule,
  parseDeviceWeight,
} from "../../../src/cli/parse/device-values.ts";
import { parseHealthcheck } from "../../../src/cli/parse/health.ts";
import { parseLog } from "../../../src/cli/parse/log.ts";
import { parseNamespaces } from "../../../src/cli/parse/namespaces.ts";
import { parseNetworks } from "../../../src/cli/parse/networks.ts";

describe("networks", () => {
  it("are names, or records with settings of their own", () => {
    expect(parseNetworks({})).toEqual({ network: "bridge", endpoints: {} });
    expect(parseNetworks({ network: ["default"] })).toEqual({ network: "bridge", endpoints: {} });
    expect(parseNetworks({ net: ["container:web"] })).toEqual({ network: "container:web", endpoints: {} });
    const long = "name=back,alias=db,alias=sql,ip=10.9.0.5,ip6=fd00::5,mac-address=92-D0-C6-0A-29-33,gw-priority=1";
    expect(parseNetworks({ network: ["front", long], ip: "10.8.0.5", networkAlias: ["web"] })).toEqual({
      network: "back",
      endpoints: {
        front: { aliases: ["web"], ipv4Address: "10.8.0.5" },
        back: {
          aliases: ["db", "sql"],
          ipv4Address: "10.9.0.5",
          ipv6Address: "fd00::5",
          macAddress: "92:d0:c6:0a:29:33",
        },
      },
    });
    expect(parseNetworks({ macAddress: "92:d0:c6:0a:29:33" })).toEqual({
      network: "bridge",
      endpoints: { bridge: { aliases: [], macAddress: "92:d0:c6:0a:29:33" } },
    });
  });

  it.each([
    [{ network: ["a", "a"] }, 'network "a" is specified multiple times'],
    [{ network: ["host", "a"] }, "network host and other networks"],
    [{ network: ["none"], ip: "1.2.3.4" }, "network none has no addresses"],
    [{ network: ["name=a,ip=1.2.3.4"], ip: "1.2.3.4" }, "conflicting options: --ip"],
    [{ network: ["name=a,colour=red"] }, 'unknown field "colour"'],
    [{ network: ["alias=a"] }, "name=… is missing"],
    [{ network: ["name=a,driver-opt=x=y"] }, "driver-opt is not supported"],
    [{ ip: "1.2.3" }, "want an IPv4 address"],
    [{ ip6: "1.2.3.4" }, "want an IPv6 address"],
    [{ macAddress: "92:d0" }, "want six bytes"],
  ])("refuse %j", (flags, message) => {
    expect(() => parseNetworks(flags)).toThrow(message);
  });
});

describe("namespaces, health and logs", () => {
  it("are read", () => {
    const flags = { ipc: "container:web", pid: "host", uts: "", userns: "auto:size=1024", cgroupns: "host" };
    expect(parseNamespaces(flags)).toEqual({
      ipcMode: "container:web",
      pidMode: "host",
      utsMode: "",
      usernsMode: "auto:size=1024",
      cgroupnsMode: "host",
    });
    expect(parseHealthcheck({})).toBeNull();
    expect(parseHealthcheck({ healthcheck: false })?.test).toEqual(["NONE"]);
    expect(parseHealthcheck({ healthCmd: "true", healthInterval: "1m30s", healthRetries: "2" })).toEqual({
      test: ["CMD-SHELL", "true"],
      interval: 90_000_000_000,
      timeout: 0,
      retries: 2,
      startPeriod: 0,
      startInterval: 0,
    });
    expect(parseLog("json-file", ["max-size=1m", "tag=a=b"])).toEqual({
      driver: "json-file",
      options: { "max-size": "1m", tag: "a=b" },
    });
  });

  it("are refused where they make no sense", () => {
    expect(() => parseNamespaces({ pid: "private" })).toThrow("want host or container:NAME");
    expect(() => parseNamespaces({ ipc: "container:" })).toThrow("invalid --ipc");
    expect(() => parseNamespaces({ userns: "keep-id" })).toThrow("want host or auto[:size=NUMBER]");
    expect(() => parseHealthcheck({ healthcheck: false, healthCmd: "x" })).toThrow("--no-healthcheck conflicts");
    expect(() => parseHealthcheck({ healthInterval: "1us" })).toThrow("less than 1ms");
    expect(() => parseHealthcheck({ healthTimeout: "-1s" })).toThrow("cannot be negative");
    expect(() => parseHealthcheck({ healthTimeout: "soon" })).toThrow("want a duration");
    expect(() => parseLog("syslog", [])).toThrow('log driver "syslog" is not supported');
    expect(() => parseLog(undefined, ["max-size"])).toThrow("want name=value");
  });
});

it("reads limits of devices", () => {
  expect(parseDeviceRate("--device-read-bps", "/dev/sda:1mb")).toEqual({ path: "/dev/sda", value: 1048576 });
  expect(parseDeviceIOps("--device-read-iops", "/dev/sda:100")).toEqual({ path: "/dev/sda", value: 100 });
  expect(parseDeviceWeight("/dev/sda:10")).toEqual({ path: "/dev/sda", value: 10 });
  expect(parseDeviceRule("c 13:* rwm")).toBe("c 13:* rwm");
  expect(() => parseDeviceRate("--device-read-bps", "sda:1mb")).toThrow("want a device such as /dev/sda:1mb");
  expect(() => parseDeviceWeight("/dev/sda:9")).toThrow("10 to 1000");
  expect(() => parseDeviceRule("x 1:1 r")).toThrow("invalid --device-cgroup-rule");
});

it("reads detach keys", () => {
  expect([...parseDetachKeys("ctrl-p,ctrl-q")]).toEqual([16, 17]);
  expect([...parseDetachKeys("a,ctrl-]")]).toEqual([97, 29]);
  expect(() => parseDetachKeys("ctrl-ab")).toThrow("--detach-keys");
});
