import { describe, expect, it } from "vitest";
import { formatRange, type IPRange, parseRange } from "../../../engine/lib/ip-range.ts";
import { formatSubnet, overlaps, parseIPv4, parseSubnet, type Subnet } from "../../../engine/lib/ipv4.ts";
import { AddressLeases } from "../../../engine/networks/address-leases.ts";
import { chooseSubnet, chooseSubnet6, defaultPools, macAddressOf } from "../../../engine/networks/subnet.ts";

function subnet(text: string): Subnet {
  const parsed = parseSubnet(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

function range(text: string): IPRange {
  const parsed = parseRange(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

describe("ipv4", () => {
  it("reads addresses and networks", () => {
    expect(parseIPv4("255.255.255.255")).toBe(4294967295);
    for (const bad of ["", "1.2.3", "256.1.1.1", "1.2.3.4.5", "::1", "a.b.c.d"]) expect(parseIPv4(bad)).toBeNull();
    expect(formatSubnet(subnet("10.1.2.3/8"))).toBe("10.0.0.0/8");
    for (const bad of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8"]) expect(parseSubnet(bad)).toBeNull();
  });

  it("tells networks that overlap", () => {
    expect(overlaps(subnet("10.0.0.0/8"), subnet("10.47.0.0/22"))).toBe(true);
    expect(overlaps(subnet("10.47.3.255"), subnet("10.47.0.0/22"))).toBe(true);
    expect(overlaps(subnet("10.47.4.0/22"), subnet("10.47.0.0/22"))).toBe(false);
  });
});

describe("chooseSubnet", () => {
  const choose = (taken: string[], instance = "", size = 22) => {
    const chosen = chooseSubnet(taken.map(range), instance, defaultPools(size));
    return chosen === null ? null : formatRange(chosen);
  };

  it("begins at the first candidate, or where the instance's hash says", () => {
    expect(choose([])).toBe("10.47.0.0/22");
    expect(choose([], "0a1b2c3d")).not.toBe(choose([], "d3c2b1a0"));
    expect(choose([], "", 24)).toBe("10.47.0.0/24");
  });

  it("keeps off what is taken", () => {
    expect(choose(["10.47.1.7"])).toBe("10.47.4.0/22");
    expect(choose(["10.0.0.0/8"])).toBe("172.30.0.0/22");
    expect(choose(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"])).toBeNull();
  });

  it("finds a private IPv6 subnet, the same for the same network", () => {
    const first = chooseSubnet6([], "a");
    expect(formatRange(first ?? range("::/0"))).toMatch(/^fd[0-9a-f:]+::\/64$/);
    expect(chooseSubnet6([], "a")).toEqual(first);
    expect(chooseSubnet6(first === null ? [] : [first], "a")).not.toEqual(first);
    expect(chooseSubnet6([range("fd00::/8")], "a")).toBeNull();
  });
});

describe("AddressLeases", () => {
  it("hands out addresses in turn, and all of them but the gateway's", () => {
    const leases = new AddressLeases(range("10.0.0.0/29"), { gateway: "10.0.0.1" });
    const take = (count: number) => Array.from({ length: count }, () => leases.take());
    expect(take(2)).toEqual(["10.0.0.2", "10.0.0.3"]);
    leases.release("10.0.0.2");
    expect(take(5)).toEqual(["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2", null]);
  });

  it("keeps to the range that was asked for, but lets others be claimed", () => {
    const leases = new AddressLeases(range("10.0.0.0/24"), { gateway: "10.0.0.1", ipRange: range("10.0.0.128/30") });
    expect(Array.from({ length: 5 }, () => leases.take())).toEqual([
      "10.0.0.128",
      "10.0.0.129",
      "10.0.0.130",
      "10.0.0.131",
      null,
    ]);
    expect([leases.claim("10.0.0.7"), leases.claim("10.0.0.7")]).toEqual([true, false]);
  });

  it("works in a /64", () => {
    const leases = new AddressLeases(range("fd00:1::/64"), { gateway: "fd00:1::1" });
    expect([leases.take(), leases.take()]).toEqual(["fd00:1::2", "fd00:1::3"]);
  });

  it("gives an address always the same MAC", () => {
    expect(macAddressOf("10.47.0.254")).toBe("02:47:0a:2f:00:fe");
    expect(macAddressOf("fd00::1")).toMatch(/^02:47(:[0-9a-f]{2}){4}$/);
  });
});
