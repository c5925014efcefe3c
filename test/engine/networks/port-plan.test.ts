import { describe, expect, it } from "vitest";
import { parseSocketTable } from "../../../engine/host/socket-table.ts";
import { parseForeignPorts } from "../../../engine/networks/foreign-ports.ts";
import { type PublishTarget, placePorts } from "../../../engine/networks/port-plan.ts";
import { formatElements } from "../../../engine/networks/ruleset.ts";

const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

describe("parseSocketTable", () => {
  it("reads listening sockets by address", () => {
    const text = [
      header,
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0",
      "   1: 020200C0:0016 090200C0:D2F4 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0",
    ].join("\n");
    expect(parseSocketTable("tcp", text)).toEqual([
      { protocol: "tcp", address: "127.0.0.1", address6: null, port: 8080, inode: "4711" },
    ]);
  });

  it("takes an IPv6 socket on all addresses for one on all IPv4 addresses", () => {
    const row = (address: string) => `   0: ${address}:0050 0:0 0A 0:0 0:0 0 0 0 99 1`;
    const addressOf = (address: string) => parseSocketTable("tcp", row(address))[0]?.address;
    expect(addressOf("00000000000000000000000000000000")).toBe("0.0.0.0");
    expect(addressOf("0000000000000000FFFF00000100007F")).toBe("127.0.0.1");
    expect(addressOf("00000000000000000000000001000000")).toBeNull();
  });
});

describe("placePorts", () => {
  const place = (hostAddress: string, target: Partial<PublishTarget> = {}) =>
    placePorts([{ hostAddress, hostPort: 80, containerPort: 80, protocol: "tcp" }], {
      has4: true,
      has6: false,
      defaultAddress: "",
      ...target,
    }).map((group) => group.map((port) => port.hostAddress));

  it("takes none, all, and loopback", () => {
    for (const address of ["0.0.0.0", "127.0.0.1", "127.1.2.3"]) expect(place(address)).toEqual([[address]]);
    expect(place("")).toEqual([["0.0.0.0"]]);
    expect(place("", { has6: true })).toEqual([["0.0.0.0", "::"]]);
    expect(place("", { defaultAddress: "127.0.0.1" })).toEqual([["127.0.0.1"]]);
    expect(place("0:0::0", { has6: true })).toEqual([["::"]]);
  });

  it("refuses others with a reason", () => {
    expect(() => place("::1")).toThrow("publish on ::1: the container has no IPv6 address");
    expect(() => place("0:0::1", { has6: true })).toThrow("publish on ::1: the kernel leads nothing from there");
    expect(() => place("nowhere")).toThrow("publish on nowhere: that is no IP address");
    expect(() => place("203.0.113.9")).toThrow("publish on 203.0.113.9: this host does not have that address");
  });
});

describe("ruleset", () => {
  const ports = [
    { protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080, containerPort: 80, target: "10.0.0.2" },
    { protocol: "udp", hostAddress: "127.0.0.1", hostPort: 53, containerPort: 5353, target: "10.0.0.2" },
  ] as const;

  it("publishes by adding an element, and deletes by key", () => {
    expect(formatElements("gantry", "add", ports)).toBe(
      "add element inet gantry published_any { tcp . 8080 : 10.0.0.2 . 80 }\n" +
        "add element inet gantry published_at { udp . 127.0.0.1 . 53 : 10.0.0.2 . 5353 }\n",
    );
    expect(formatElements("gantry", "delete", ports.slice(0, 1))).toBe(
      "delete element inet gantry published_any { tcp . 8080 }\n",
    );
  });

  it("reads another engine's ports from nft's JSON", () => {
    const target = { concat: ["10.0.0.2", 80] };
    const json = JSON.stringify({
      nftables: [
        { metainfo: {} },
        { map: { name: "published_any", elem: [[{ concat: ["tcp", 8080] }, target]] } },
        { map: { name: "published_at", elem: [[{ concat: ["udp", "127.0.0.1", 53] }, target]] } },
        { map: { name: "empty" } },
      ],
    });
    expect(parseForeignPorts("gantry_1", json)).toEqual([
      { protocol: "tcp", address: "0.0.0.0", port: 8080, table: "gantry_1" },
      { protocol: "udp", address: "127.0.0.1", port: 53, table: "gantry_1" },
    ]);
  });
});
