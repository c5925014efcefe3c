import { describe, expect, it } from "vitest";
import type { NetworkSummary } from "../../../engine/protocol/networks.ts";
import type { VolumeSummary } from "../../../engine/protocol/volumes.ts";
import { volumesInDetail } from "../../../src/cli/disk-usage-fields.ts";
import { parseFilters } from "../../../src/cli/filters.ts";
import { renderListing } from "../../../src/cli/listing.ts";
import { compareNaturally } from "../../../src/cli/natural-order.ts";
import { filterNetworks, networkFields, networkFilterKeys, networkListing } from "../../../src/cli/network-fields.ts";
import { parseSubnets } from "../../../src/cli/parse/subnets.ts";
import { parsePruneFilter, parseVolumePruneFilter } from "../../../src/cli/prune.ts";
import { filterVolumes, volumeFields, volumeFilterKeys, volumeListing } from "../../../src/cli/volume-fields.ts";

function networkOf(fields: Partial<NetworkSummary>): NetworkSummary {
  return {
    id: "7e9450a9a25b5f119c49cea17678fd9f6918ad6f6d34e480afb7d5ea4caa0f64",
    name: "bridge",
    driver: "bridge",
    createdAt: "2026-11-22T10:15:14.673109240Z",
    internal: false,
    enableIPv6: false,
    subnets: [{ subnet: "10.88.0.0/16", gateway: "10.88.0.1", ipRange: "" }],
    labels: {},
    options: {},
    interfaceName: "gantry0",
    mtu: 1500,
    containers: [],
    ...fields,
  };
}

function volumeOf(fields: Partial<VolumeSummary>): VolumeSummary {
  return {
    name: "data",
    driver: "local",
    mountpoint: "/var/lib/gantry/volumes/data/_data",
    createdAt: "2026-11-22T10:15:14Z",
    labels: {},
    options: {},
    anonymous: false,
    usedBy: [],
    size: null,
    ...fields,
  };
}

describe("networks", () => {
  const all = [
    networkOf({}),
    networkOf({ name: "none", id: "e0", driver: "null", subnets: [] }),
    networkOf({ name: "back", id: "b9e6", internal: true, labels: { tier: "db", a: "1" } }),
    networkOf({ name: "lan", id: "c5", driver: "macvlan" }),
  ];

  it("stand in docker's table, JSON and templates", async () => {
    const items = all.slice(0, 3).map((network) => networkFields(network, true));
    expect(await renderListing(items, networkListing, {})).toBe(
      [
        "NETWORK ID     NAME      DRIVER    SCOPE",
        "7e9450a9a25b   bridge    bridge    local",
        "e0             none      null      local",
        "b9e6           back      bridge    local",
      ].join("\n"),
    );
    const format = '{{.ID}}:{{.Internal}}:{{.IPv4}}:{{.IPv6}}:{{.Labels}}:{{.Label "tier"}}:{{.CreatedAt}}';
    const [, , last] = (await renderListing(items, networkListing, { format })).split("\n");
    expect(last).toBe("b9e6:true:true:false:a=1,tier=db:db:2026-11-22 10:15:14.67310924 +0000 UTC");
    const [first = ""] = (await renderListing(items, networkListing, { format: "json" })).split("\n");
    expect(Object.keys(JSON.parse(first))).toEqual(
      "CreatedAt Driver ID IPv4 IPv6 Internal Labels Name Scope".split(" "),
    );
    expect(await renderListing(items, networkListing, { quiet: true })).toBe("7e9450a9a25b\ne0\nb9e6");
  });

  it.each([
    ["driver=bridge", ["bridge", "back"]],
    ["id=b9", ["back"]],
    ["name=a", ["back", "lan"]],
    ["type=custom", ["back", "lan"]],
    ["type=builtin", ["bridge", "none"]],
    ["label=tier=db", ["back"]],
    ["scope=swarm", []],
    ["dangling=true", ["lan"]],
    ["dangling=0", ["bridge", "none", "back"]],
  ])("pass %s", (text, expected) => {
    const passing = filterNetworks(all, parseFilters([text], networkFilterKeys), new Set(["back"]));
    expect(passing.map(({ name }) => name)).toEqual(expected);
  });

  it.each(["type=odd", "dangling=perhaps", "colour=red"])("refuse %s", (text) => {
    expect(() => filterNetworks(all, parseFilters([text], networkFilterKeys), new Set())).toThrow("invalid filter");
  });
});

describe("subnets", () => {
  it("have the gateway and the range that lie in them", () => {
    expect(parseSubnets({})).toEqual([]);
    expect(
      parseSubnets({
        subnet: ["10.89.0.0/24", "fd00:89::/64"],
        gateway: ["fd00:89::1", "10.89.0.254"],
        ipRange: ["10.89.0.128/25"],
      }),
    ).toEqual([
      { subnet: "10.89.0.0/24", gateway: "10.89.0.254", ipRange: "10.89.0.128/25" },
      { subnet: "fd00:89::/64", gateway: "fd00:89::1", ipRange: "" },
    ]);
  });

  it.each([
    [{ gateway: ["10.89.0.1"] }, "must have a corresponding --subnet"],
    [{ subnet: ["10.89.0.0/33"] }, 'invalid --subnet "10.89.0.0/33"'],
    [{ subnet: ["10.89.0.0"] }, "invalid --subnet"],
    [{ subnet: ["10.89.0.0/24"], gateway: ["10.90.0.1"] }, "no matching --subnet for --gateway 10.90.0.1"],
    [{ subnet: ["10.89.0.0/24"], gateway: ["x"] }, "want an IP address"],
    [{ subnet: ["10.89.0.0/24"], gateway: ["10.89.0.1", "10.89.0.2"] }, "cannot configure multiple --gateway"],
    [{ subnet: ["10.89.0.0/16", "10.89.5.0/24"] }, "overlap"],
  ])("refuse %j", (flags, message) => {
    expect(() => parseSubnets(flags)).toThrow(message);
  });
});

describe("volumes", () => {
  const all = [
    volumeOf({}),
    volumeOf({ name: "cache", usedBy: ["a", "b"], size: 2_000_000, labels: { keep: "" } }),
    volumeOf({ name: "nfs", driver: "other" }),
  ];

  it("stand in docker's table, JSON and templates", async () => {
    const items = all.map(volumeFields);
    expect(await renderListing(items.slice(0, 2), volumeListing, {})).toBe(
      "DRIVER    VOLUME NAME\nlocal     data\nlocal     cache",
    );
    expect(await renderListing(items, volumeListing, { format: "{{.Name}} {{.Size}} {{.Links}}" })).toBe(
      "data N/A 0\ncache 2MB 2\nnfs N/A 0",
    );
    const [first = ""] = (await renderListing(items, volumeListing, { format: "json" })).split("\n");
    expect(Object.keys(JSON.parse(first))).toEqual(
      "Availability Driver Group Labels Links Mountpoint Name Scope Size Status".split(" "),
    );
  });

  it.each([
    ["dangling=true", ["data", "nfs"]],
    ["dangling=false", ["cache"]],
    ["driver=other", ["nfs"]],
    ["name=^da", ["data"]],
    ["label=keep", ["cache"]],
  ])("pass %s", (text, expected) => {
    expect(filterVolumes(all, parseFilters([text], volumeFilterKeys)).map(({ name }) => name)).toEqual(expected);
  });

  it("are listed by size in system df -v", async () => {
    const items = [
      { name: "a", driver: "local", links: 0, size: null },
      { name: "b", driver: "local", links: 2, size: 1_500 },
    ];
    const [fields, spec] = volumesInDetail({ total: 2, active: 1, size: 1_500, reclaimable: 0, items });
    expect(await renderListing(fields, spec, {})).toBe(
      "VOLUME NAME   LINKS     SIZE\nb             2         1.5kB\na             0         N/A",
    );
  });
});

it("sorts names as people do", () => {
  const names = ["web10", "web2", "a", "web2b", "web", "web02", "1"];
  expect(names.sort(compareNaturally)).toEqual(["1", "a", "web", "web02", "web2", "web2b", "web10"]);
});

it("reads the filters of prune", () => {
  const texts = ["label=a", "label!=b=1"];
  expect(parseVolumePruneFilter([...texts, "all=true"]).labels).toEqual(["a", "!b=1"]);
  expect(parsePruneFilter(texts)).toMatchObject({ until: null, labels: ["a", "!b=1"] });
  expect(() => parseVolumePruneFilter(["until=1h"])).toThrow("invalid filter");
});
