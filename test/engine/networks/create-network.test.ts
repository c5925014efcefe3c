import { describe, expect, it } from "vitest";
import { createConfig } from "../../../engine/config.ts";
import { parseRange } from "../../../engine/lib/ip-range.ts";
import { planNetwork } from "../../../engine/networks/create-network.ts";
import { bridgeNameOf, type NetworkRecord } from "../../../engine/networks/network-record.ts";
import { parseNetworkSettings } from "../../../engine/networks/network-settings.ts";
import { formatRuleset } from "../../../engine/networks/ruleset.ts";
import type { CreateNetworkRequest } from "../../../engine/protocol/networks.ts";

const config = createConfig({ root: "/tmp/x/root", run: "/tmp/x/run" });
const id = "ab".repeat(32);

function plan(request: Partial<CreateNetworkRequest>, around: { networks?: NetworkRecord[]; taken?: string[] } = {}) {
  const full: CreateNetworkRequest = {
    name: "net",
    driver: "bridge",
    subnets: [],
    internal: false,
    enableIPv6: false,
    labels: {},
    options: {},
  };
  const taken = (around.taken ?? []).flatMap((text) => {
    const range = parseRange(text);
    return range === null ? [] : [{ range, device: "eth0" }];
  });
  return planNetwork(
    { ...full, ...request },
    { config, networks: around.networks ?? [], taken, links: ["lo", "eth0"], pools: null },
    { id, createdAt: "2026-01-01T00:00:00Z" },
  );
}

function subnet(text: string, gateway = "", ipRange = "") {
  return [{ subnet: text, gateway, ipRange }];
}

describe("planNetwork", () => {
  it("completes what was not said", () => {
    const { record, warnings } = plan({ enableIPv6: true }, { taken: ["10.0.0.0/8"] });
    expect(record.subnets[0]).toMatchObject({ ipRange: "" });
    expect(record.subnets[0]?.subnet).toMatch(/^(172\.30|192\.168|198\.18)\.\d+\.0\/24$/);
    expect(record.subnets[0]?.gateway).toBe(record.subnets[0]?.subnet.replace(".0/24", ".1"));
    expect(record.subnets[1]?.subnet).toMatch(/^fd.*::\/64$/);
    expect(warnings).toEqual([]);
    expect(bridgeNameOf(config, record)).toMatch(/^b[0-9a-f]{14}$/);
    expect(bridgeNameOf(createConfig({ run: "/run/gantry" }), record)).toBe("gnet-ababababab");
  });

  it("takes what was said", () => {
    const { record } = plan({ subnets: subnet("10.9.0.0/16", "10.9.0.254", "10.9.5.0/24") });
    expect(record).toMatchObject({ subnets: subnet("10.9.0.0/16", "10.9.0.254", "10.9.5.0/24"), hasOwnSubnet: true });
    expect(plan({ options: { unknown: "x" } }).warnings).toEqual(['option "unknown" has no effect with driver bridge']);
  });

  it("refuses what cannot be, in one sentence", () => {
    const refuse = (request: Partial<CreateNetworkRequest>, around = {}) => expect(() => plan(request, around));
    refuse({ name: "a b" }).toThrow('network name "a b" is not valid');
    refuse({ subnets: subnet("10.9.0.1/16") }).toThrow("invalid subnet 10.9.0.1/16: it should be 10.9.0.0/16");
    refuse({ subnets: subnet("10.9.0.0/31") }).toThrow("has no room for containers");
    refuse({ subnets: subnet("10.9.0.0/24", "10.8.0.1") }).toThrow("gateway 10.8.0.1 is no address of 10.9.0.0/24");
    refuse({ subnets: subnet("10.9.0.0/24", "10.9.0.255") }).toThrow("gateway 10.9.0.255 is no address");
    refuse({ subnets: subnet("10.9.0.0/24", "", "10.8.0.0/25") }).toThrow("IP range 10.8.0.0/25 is not within");
    refuse({ subnets: subnet("", "10.9.0.1") }).toThrow("a gateway or an IP range needs a subnet");
    refuse({ subnets: subnet("fd00::/64") }).toThrow("an IPv6 subnet needs --ipv6");
    refuse({ subnets: [...subnet("10.9.0.0/24"), ...subnet("10.8.0.0/24")] }).toThrow("more than one IPv4 subnet");
    refuse({ subnets: subnet("10.9.0.0/24") }, { taken: ["10.0.0.0/8"] }).toThrow("overlaps 10.0.0.0/8 on eth0");
    refuse(
      { subnets: subnet("10.9.0.0/24") },
      { networks: [plan({ name: "other", subnets: subnet("10.9.0.0/16") }).record] },
    ).toThrow("subnet 10.9.0.0/24 overlaps network other");
    refuse({}, { taken: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"] }).toThrow(
      "no IPv4 subnet is free in the address pools",
    );
    refuse({ driver: "macvlan" }).toThrow("driver macvlan needs an interface of this host");
    refuse({ driver: "macvlan", options: { parent: "eth9" } }).toThrow("this host has no interface eth9");
    refuse({ options: { "com.docker.network.bridge.name": "eth0" } }).toThrow(
      "eth0 is an interface of this host already",
    );
  });

  it("lets no option write words of its own into commands", () => {
    for (const [option, value] of [
      ["com.docker.network.bridge.name", 'x" ; drop'],
      ["com.docker.network.bridge.name", "br0 type vlan"],
      ["com.docker.network.driver.mtu", "1500 up\nlink del eth0"],
      ["com.docker.network.container_iface_prefix", "eth0 netns 1"],
    ] as const) {
      expect(() => plan({ options: { [option]: value } })).toThrow("is no value for option");
    }
    expect(() => plan({ driver: "macvlan", options: { parent: "eth0 up" } })).toThrow("is no value for option parent");
  });
});

it("reads what the administrator decided", () => {
  const text = '{"ip":"127.0.0.1","default-address-pools":[{"base":"10.20.0.0/16","size":26}]}';
  const settings = parseNetworkSettings(text, "engine.json");
  expect(settings).toMatchObject({ publishAddress: "127.0.0.1", pools: [{ size: 26 }] });
  const other = '{"default-address-pools":[{"base":"10.20.0.0/16","size":8}]}';
  expect(() => parseNetworkSettings(other, "engine.json")).toThrow("10.20.0.0/16 cannot be cut into pieces of size 8");
  expect(() => parseNetworkSettings('{"ip":"here"}', "engine.json")).toThrow('engine.json: ip "here" is no IP address');
});

it("writes rules for each network by what it is", () => {
  const bridge = (name: string, more: object) => ({
    bridge: name,
    subnet4: parseRange("10.9.0.0/24"),
    subnet6: null,
    internal: false,
    icc: true,
    masquerade: true,
    ...more,
  });
  const text = formatRuleset({
    table: "gantry",
    bridges: [bridge("open", {}), bridge("quiet", { icc: false }), bridge("inner", { internal: true })],
    ports: [],
  });
  expect(text).toContain('set bridges { type ifname; elements = { "open", "quiet", "inner" }; }');
  expect(text).toContain('iifname "open" oifname "open" accept');
  expect(text).not.toContain('iifname "quiet" oifname "quiet" accept');
  expect(text).toContain('iifname "inner" oifname != "inner" drop');
  expect(text).not.toContain('oifname != "inner" ip saddr 10.9.0.0/24 masquerade');
});
