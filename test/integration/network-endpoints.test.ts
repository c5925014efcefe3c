import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetworkHost, on, port } from "../support/netns.ts";

/** Endpoints of all kinds: IPv6, static, several, hot, macvlan. */
describe("endpoints", () => {
  let host: NetworkHost;
  let engine: string;

  beforeAll(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
    await host.shell("ip addr add 2001:db8::1/64 dev up0 nodad");
    await host.shell("ip addr add 2001:db8::9/64 dev eth0 nodad", host.outside);
    await host.shell("ip route add default via 2001:db8::9");
    await host.call("open", engine, { poolSize: 1 });
    await host.call("create", engine, { name: "six", enableIPv6: true });
    await host.call("create", engine, {
      name: "fixed",
      subnets: [{ subnet: "10.201.0.0/24", gateway: "10.201.0.254", ipRange: "10.201.0.128/25" }],
    });
  });
  afterAll(async () => {
    await host?.call("removeHostNetwork", engine);
    await host?.[Symbol.asyncDispose]();
  });

  const serve6 = (netns: string | null, name: string, number: number) => host.serveTCP(netns, name, number, "::");

  it("publishes on IPv6 where the network has it, with all that IPv4 has", async () => {
    const web = await host.call("connect", engine, {
      container: "web6",
      endpoints: on("six"),
      ports: [port(80, 8080), port(80, 8082, { address: "2001:db8::1" })],
    });
    const other = await host.call("connect", engine, { container: "other6", endpoints: on("six") });
    await host.call("connect", engine, { container: "four", endpoints: on("fixed") });
    expect(web.ports.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort}`)).toEqual([
      "0.0.0.0 8080",
      ":: 8080",
      "2001:db8::1 8082",
    ]);
    await serve6(web.netnsPath, "web", 80);
    await serve6(host.outside, "outside", 7000);
    const address = web.endpoints[0]?.ipv6Address ?? "";
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web ::ffff:192.0.2.9");
    expect(await host.ask(host.outside, "2001:db8::1", 8080)).toBe("web 2001:db8::9");
    expect(await host.ask(host.outside, "2001:db8::1", 8082)).toBe("web 2001:db8::9");
    // So that programs that ask localhost go on to 127.0.0.1.
    expect(await host.ask(null, "::1", 8080)).toBe("refused");
    expect(await host.ask(null, "2001:db8::1", 8080)).toMatch(/^web /);
    expect(await host.ask(other.netnsPath, "2001:db8::1", 8080)).toMatch(/^web /);
    expect(await host.ask(web.netnsPath, "2001:db8::1", 8080)).toMatch(/^web /);
    expect(await host.ask(other.netnsPath, address, 80)).toBe(`web ${other.endpoints[0]?.ipv6Address}`);
    expect(await host.ask(other.netnsPath, "2001:db8::9", 7000)).toBe("outside 2001:db8::1");
    await host.shell(`ip route add ${address} via 2001:db8::1`, host.outside);
    expect(await host.ask(host.outside, address, 80)).toBe("silence");
    const refused = host.call("connect", engine, {
      container: "four",
      endpoints: on("fixed"),
      ports: [port(80, 9000, { address: "::1" })],
    });
    await expect(refused).rejects.toThrow("publish on ::1: the container has no IPv6 address");
    const taken = host.call("connect", engine, { container: "taken", endpoints: on("six"), ports: [port(80, 8080)] });
    await expect(taken).rejects.toThrow("taken by container web6");
  });

  it("gives static addresses and MACs, and refuses those it cannot", async () => {
    const settings = { aliases: [], ipv4Address: "10.201.0.7", macAddress: "02:00:00:00:00:07" };
    const made = await host.call("connect", engine, {
      container: "static",
      endpoints: [{ network: "fixed", settings }],
    });
    expect(made).toMatchObject({ ipAddress: "10.201.0.7", gateway: "10.201.0.254" });
    expect(await host.shell("ip -br link show eth0; ip -br -4 addr show eth0", made.netnsPath)).toMatch(
      /02:00:00:00:00:07 .*\n.*10\.201\.0\.7\/24/,
    );
    const free = await host.call("connect", engine, { container: "free", endpoints: on("fixed") });
    expect(free.ipAddress).toMatch(/^10\.201\.0\.1(2[89]|[3-9]\d)$/);
    const attempt = (ipv4Address: string, network = "fixed") =>
      host.call("connect", engine, {
        container: "no",
        endpoints: [{ network, settings: { aliases: [], ipv4Address } }],
      });
    await expect(attempt("10.201.0.7")).rejects.toThrow("address 10.201.0.7 on network fixed is already in use");
    await expect(attempt("10.202.0.7")).rejects.toThrow("is no address of 10.201.0.0/24");
    await expect(attempt("10.201.0.254")).rejects.toThrow("is the gateway's");
    await expect(attempt("10.47.0.9", "bridge")).rejects.toThrow("supported on user defined networks only");
    expect(await host.call("find", engine, "no")).toBeNull();
    // Also at once, as a restart does.
    await host.call("disconnect", engine, "static");
    expect((await attempt("10.201.0.7")).ipAddress).toBe("10.201.0.7");
    await host.call("create", engine, {
      name: "tiny",
      subnets: [{ subnet: "10.202.0.0/30", gateway: "", ipRange: "" }],
    });
    const only = () => host.call("connect", engine, { container: "only", endpoints: on("tiny") });
    expect((await only()).ipAddress).toBe("10.202.0.2");
    const full = host.call("connect", engine, { container: "full", endpoints: on("tiny") });
    await expect(full).rejects.toThrow("no address is left in 10.202.0.0/30 of network tiny for another container");
    await host.call("disconnect", engine, "only");
    expect((await only()).ipAddress).toBe("10.202.0.2");
  });

  it("connects and disconnects while a container runs, ports and way out follow", async () => {
    const web = await host.call("connect", engine, {
      container: "hot",
      endpoints: on("fixed"),
      ports: [port(80, 8090)],
    });
    await host.serveTCP(web.netnsPath, "hot", 80);
    await host.serveTCP(host.outside, "out", 7001);
    const peer = await host.call("connect", engine, { container: "peer", endpoints: on("bridge") });
    const added = await host.call("attach", engine, "hot", "bridge");
    expect(added).toMatchObject({ interfaceName: "eth1", network: "bridge" });
    expect(await host.ask(peer.netnsPath, added.ipAddress ?? "", 80)).toBe(`hot ${peer.ipAddress}`);
    expect(await host.shell("ip route show default", web.netnsPath)).toContain("via 10.201.0.254 dev eth0");
    expect(await host.ask(host.outside, "192.0.2.1", 8090)).toBe("hot 192.0.2.9");
    await expect(host.call("attach", engine, "hot", "bridge")).rejects.toMatchObject({ code: "already-exists" });
    await host.call("reload", engine);
    expect(await host.ask(peer.netnsPath, added.ipAddress ?? "", 80)).toBe(`hot ${peer.ipAddress}`);

    await host.call("detach", engine, "hot", "fixed");
    expect(await host.shell("ip route show default", web.netnsPath)).toContain(`via ${peer.gateway} dev eth1`);
    expect(await host.ask(host.outside, "192.0.2.1", 8090)).toBe("hot 192.0.2.9");
    expect(await host.ask(web.netnsPath, "192.0.2.9", 7001)).toBe("out 192.0.2.1");
    await expect(host.call("detach", engine, "hot", "fixed")).rejects.toThrow("hot is not connected to network fixed");
    await expect(host.call("removeNetwork", engine, "bridge")).rejects.toThrow("pre-defined network");
    await host.call("detach", engine, "hot", "bridge");
    expect(await host.shell("ip -br link", web.netnsPath)).toMatch(/^lo +UNKNOWN .*$/);
    expect(await host.ask(host.outside, "192.0.2.1", 8090)).toBe("refused");
  });

  it("puts containers on the wire of an interface by macvlan", async () => {
    await host.call("create", engine, {
      name: "wire",
      driver: "macvlan",
      subnets: [{ subnet: "192.0.2.0/24", gateway: "192.0.2.9", ipRange: "192.0.2.64/28" }],
      options: { parent: "up0" },
    });
    const made = await host.call("connect", engine, { container: "mac", endpoints: on("wire") });
    const second = await host.call("connect", engine, { container: "mac2", endpoints: on("wire", "six") });
    expect(made.ipAddress).toBe("192.0.2.64");
    await host.serveTCP(made.netnsPath, "mac", 80);
    expect(await host.ask(host.outside, "192.0.2.64", 80)).toBe("mac 192.0.2.9");
    expect(await host.ask(second.netnsPath, "192.0.2.64", 80)).toBe(`mac ${second.ipAddress}`);
    await host.call("restore", engine, ["mac"]);
    expect(await host.ask(host.outside, "192.0.2.64", 80)).toBe("mac 192.0.2.9");
    await expect(host.call("removeNetwork", engine, "wire")).rejects.toThrow('active endpoints (name:"mac"');
  });

  it("joins another container's network", async () => {
    const owner = await host.call("connect", engine, { container: "owner", endpoints: on("six") });
    const guest = await host.call("connect", engine, { container: "guest", mode: "container:owner", endpoints: [] });
    expect(guest).toMatchObject({ netnsPath: owner.netnsPath, endpoints: [], resolver: "127.0.0.11" });
    const lost = host.call("connect", engine, { container: "lost", mode: "container:nobody", endpoints: [] });
    await expect(lost).rejects.toThrow("it does not run");
    const chain = host.call("connect", engine, { container: "lost", mode: "container:guest", endpoints: [] });
    await expect(chain).rejects.toThrow("it shares a third one's itself");
  });
});
