import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetworkHost, on, port } from "../support/netns.ts";

/** Containers on different networks of one engine; every claim is tried by packets. */
describe("isolation", () => {
  let host: NetworkHost;
  let engine: string;
  const made = new Map<string, Awaited<ReturnType<typeof start>>>();

  const start = (container: string, networks: string[], ports: ReturnType<typeof port>[] = []) =>
    host.call("connect", engine, { container, endpoints: on(...networks), ports });
  const of = (name: string) => {
    const found = made.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  const ask = (from: string, to: string, number = 80) => host.ask(of(from).netnsPath, of(to).ipAddress ?? "", number);

  beforeAll(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
    await host.call("open", engine, { poolSize: 1 });
    await host.call("create", engine, { name: "red" });
    await host.call("create", engine, { name: "blue", options: { "com.docker.network.bridge.enable_icc": "false" } });
    await host.call("create", engine, { name: "vault", internal: true });
    await host.call("create", engine, {
      name: "plain",
      subnets: [{ subnet: "10.200.7.0/24", gateway: "", ipRange: "" }],
      options: { "com.docker.network.bridge.enable_ip_masquerade": "false" },
    });
    for (const [name, network] of [
      ["red1", "red"],
      ["red2", "red"],
      ["blue1", "blue"],
      ["blue2", "blue"],
      ["vault1", "vault"],
      ["vault2", "vault"],
      ["plain1", "plain"],
      ["old1", "bridge"],
    ] as const) {
      const ports = name === "red1" ? [port(80, 8080), port(80, 8081, { address: "127.0.0.1" })] : [];
      made.set(name, await start(name, [network], name === "blue1" ? [port(80, 8082)] : ports));
      await host.serveTCP(of(name).netnsPath, name, 80);
    }
    await host.serveTCP(null, "host", 9000);
    await host.serveTCP(host.outside, "outside", 7000);
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  it("lets neighbours talk, and nobody across networks", async () => {
    expect(await ask("red1", "red2")).toBe(`red2 ${of("red1").ipAddress}`);
    const pairs = [
      ["red1", "blue1"],
      ["red1", "old1"],
      ["old1", "red1"],
      ["red1", "plain1"],
      ["plain1", "red1"],
      ["vault1", "red1"],
      ["red1", "vault1"],
    ] as const;
    const check = async ([from, to]: readonly [string, string]) =>
      expect(await ask(from, to), `${from} to ${to}`).not.toContain(to);
    await Promise.all(pairs.map(check));
  });

  it("keeps neighbours apart where the network says so, but for published ports", async () => {
    expect(await ask("blue2", "blue1")).not.toContain("blue1");
    // By way of the host, as somebody would who may make packets of his own.
    await host.shell(
      `ip route add ${of("blue1").ipAddress}/32 via ${of("blue2").gateway} dev eth0 onlink`,
      of("blue2").netnsPath ?? "",
    );
    expect(await ask("blue2", "blue1")).not.toContain("blue1");
    expect(await host.ask(of("blue2").netnsPath, "192.0.2.1", 8082)).toMatch(/^blue1 /);
    // Where bridges pass packets on without asking the firewall, too.
    await host.shell("for name in iptables ip6tables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$name; done");
    await host.call("reload", engine);
    expect(await ask("blue2", "blue1")).not.toContain("blue1");
    expect(await host.ask(of("blue2").netnsPath, "192.0.2.1", 8082)).toMatch(/^blue1 /);
    expect(await host.ask(of("blue2").netnsPath, "192.0.2.9", 7000)).toBe("outside 192.0.2.1");
  });

  it("leads across networks by published ports", async () => {
    expect(await host.ask(of("old1").netnsPath, "192.0.2.1", 8080)).toMatch(/^red1 /);
    expect(await host.ask(of("blue1").netnsPath, of("blue1").gateway ?? "", 8080)).toMatch(/^red1 /);
    expect(await host.ask(of("red1").netnsPath, "192.0.2.1", 8080)).toMatch(/^red1 /);
    expect(await host.ask(of("old1").netnsPath, "192.0.2.1", 8081)).toBe("refused");
  });

  it("lets nobody out of an internal network, nor in", async () => {
    expect(await ask("vault1", "vault2")).toBe(`vault2 ${of("vault1").ipAddress}`);
    const { netnsPath, gateway } = of("vault1");
    await host.shell(`ip route add default via ${of("vault1").endpoints[0]?.gateway}`, netnsPath ?? "");
    const ways = [
      ["192.0.2.9", 7000],
      ["192.0.2.1", 8080],
      ["192.0.2.1", 9000],
      [gateway ?? "", 9000],
    ] as const;
    const answers = await Promise.all(ways.map(([address, number]) => host.ask(netnsPath, address, number)));
    expect(answers).toEqual(["silence", "silence", "silence", "silence"]);
    await host.shell(`ip route replace ${of("vault1").ipAddress} via 192.0.2.1`, host.outside);
    expect(await host.ask(host.outside, of("vault1").ipAddress ?? "", 80)).toBe("silence");
    expect(await host.ask(null, of("vault1").ipAddress ?? "", 80)).toMatch(/^vault1 /);
  });

  it("keeps the outside from addresses of every network, also where they are not hidden", async () => {
    const check = async (name: string) => {
      await host.shell(`ip route replace ${of(name).ipAddress} via 192.0.2.1`, host.outside);
      expect(await host.ask(host.outside, of(name).ipAddress ?? "", 80), name).toBe("silence");
    };
    await Promise.all(["red1", "plain1", "old1"].map(check));
    expect(await host.ask(of("plain1").netnsPath, "192.0.2.9", 7000)).toBe(`outside ${of("plain1").ipAddress}`);
    expect(await host.ask(of("red1").netnsPath, "192.0.2.9", 7000)).toBe("outside 192.0.2.1");
  });
});
