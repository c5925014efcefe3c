import { describe, expect, it } from "vitest";
import { formatSubnet, overlaps, parseIPv4, parseSubnet, type Subnet } from "../../../engine/lib/ipv4.ts";
import { AddressLeases, chooseSubnet, macAddressOf } from "../../../engine/networks/subnet.ts";

function subnet(text: string): Subnet {
  const parsed = parseSubnet(text);
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
  const choose = (taken: string[], instance = "") => {
    const chosen = chooseSubnet(taken.map(subnet), instance);
    return chosen === null ? null : formatSubnet(chosen);
  };

  it("begins at the first candidate, or where the instance's hash says", () => {
    expect(choose([])).toBe("10.47.0.0/22");
    expect(choose([], "0a1b2c3d")).not.toBe(choose([], "d3c2b1a0"));
  });

  it("keeps off what is taken", () => {
    expect(choose(["10.47.1.7"])).toBe("10.47.4.0/22");
    expect(choose(["10.0.0.0/8"])).toBe("172.30.0.0/22");
    expect(choose(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"])).toBeNull();
  });
});

describe("AddressLeases", () => {
  it("hands out addresses in turn, and all of them", () => {
    const leases = new AddressLeases(subnet("10.0.0.0/29"));
    const first = parseIPv4("10.0.0.2") ?? 0;
    expect([leases.take(), leases.take()]).toEqual([first, first + 1]);
    leases.release(first);
    expect([leases.take(), leases.take(), leases.take(), leases.take(), leases.take()]).toEqual([
      first + 2,
      first + 3,
      first + 4,
      first,
      null,
    ]);
  });

  it("gives an address always the same MAC", () => {
    expect(macAddressOf("10.47.0.254")).toBe("02:47:0a:2f:00:fe");
  });
});
