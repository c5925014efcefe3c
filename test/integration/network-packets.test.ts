import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetworkHost, port } from "../support/netns.ts";

/** One engine with two containers: `web` publishes, `client` asks. */
describe("packets", () => {
  let host: NetworkHost;
  let engine: string;
  let web: Awaited<ReturnType<typeof connect>>;
  let client: Awaited<ReturnType<typeof connect>>;

  const connect = (container: string, ports: ReturnType<typeof port>[] = []) =>
    host.call("connect", engine, { container, ports });

  beforeAll(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
    await host.call("open", engine, { poolSize: 2 });
    web = await connect("web", [
      port(80, 8080),
      port(80, 8081, { address: "127.0.0.1" }),
      port(80, 8082, { address: "192.0.2.1" }),
      port(53, 5353, { protocol: "udp" }),
      port(80, null),
    ]);
    client = await connect("client");
    await host.serveTCP(web.netnsPath, "web", 80);
    await host.serveUDP(web.netnsPath, "dns", 53);
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  it("lets the outside reach a published port and tells the server who asked", async () => {
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8082)).toBe("web 192.0.2.9");
    expect(await host.askUDP(host.outside, "192.0.2.1", 5353)).toBe("dns 192.0.2.9");
  });

  it("lets the host reach it by loopback, by its own address and by the container's", async () => {
    expect(await host.ask(null, "127.0.0.1", 8080)).toBe(`web ${web.gateway}`);
    expect(await host.ask(null, "127.0.0.1", 8081)).toBe(`web ${web.gateway}`);
    expect(await host.ask(null, "192.0.2.1", 8080)).toMatch(/^web /);
    expect(await host.ask(null, web.ipAddress ?? "", 80)).toBe(`web ${web.gateway}`);
    expect(await host.askUDP(null, "127.0.0.1", 5353)).toBe(`dns ${web.gateway}`);
  });

  it("lets a container reach another by its address and by the host's, and itself through its own port", async () => {
    expect(await host.ask(client.netnsPath, web.ipAddress ?? "", 80)).toBe(`web ${client.ipAddress}`);
    expect(await host.ask(client.netnsPath, "192.0.2.1", 8080)).toBe(`web ${web.gateway}`);
    expect(await host.ask(client.netnsPath, web.gateway ?? "", 8080)).toBe(`web ${web.gateway}`);
    expect(await host.ask(web.netnsPath, "192.0.2.1", 8080)).toBe(`web ${web.gateway}`);
    expect(await host.askUDP(client.netnsPath, "192.0.2.1", 5353)).toBe(`dns ${web.gateway}`);
  });

  it("hides containers behind the host's address", async () => {
    await host.serveTCP(host.outside, "outside", 7000);
    expect(await host.ask(client.netnsPath, "192.0.2.9", 7000)).toBe("outside 192.0.2.1");
  });

  it("picks a free port from the kernel's range", async () => {
    const picked = web.ports.at(-1);
    expect(picked?.hostPort).toBeGreaterThanOrEqual(32768);
    expect(await host.ask(host.outside, "192.0.2.1", picked?.hostPort ?? 0)).toBe("web 192.0.2.9");
  });

  it("keeps a port on loopback, and one on a single address, from everyone else", async () => {
    expect(await host.ask(host.outside, "192.0.2.1", 8081)).toBe("refused");
    expect(await host.ask(client.netnsPath, "192.0.2.1", 8081)).toBe("refused");
    expect(await host.ask(null, "127.0.0.1", 8082)).toBe("refused");
  });

  it("keeps the outside from container addresses, even with a route to them", async () => {
    await host.shell(`ip route add ${web.ipAddress} via 192.0.2.1`, host.outside);
    expect(await host.ask(host.outside, web.ipAddress ?? "", 80)).toBe("silence");
  });

  it("keeps a container that forges loopback packets from the host's own services", async () => {
    // One way is enough for an attack, and needs no way back for the answer.
    const seen = `${host.directory}/seen`;
    const script = `const s = require("dgram").createSocket("udp4"), fs = require("fs"); fs.writeFileSync("${seen}", "");
      s.on("message", (m) => fs.appendFileSync("${seen}", m + "."));
      s.bind(9000, "127.0.0.1", () => console.log("ready"))`;
    await host.call("serve", null, [process.execPath, "-e", script]);
    await host.shell(
      `echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet
       ip route flush table local dev lo
       ip route add 127.0.0.0/8 via ${client.gateway} src ${client.ipAddress}`,
      client.netnsPath,
    );
    await host.askUDP(client.netnsPath, "127.0.0.1", 9000);
    expect(readFileSync(seen, "utf8")).toBe("");
    // With the rule away the packets arrive: the rule is what stops them.
    await host.shell("nft flush chain inet $(nft list tables | sed -n 's/table inet //p') raw-prerouting");
    await host.askUDP(client.netnsPath, "127.0.0.1", 9000);
    expect(readFileSync(seen, "utf8")).toBe("hello.");
    await host.call("restore", engine, ["web", "client"]);
    await host.askUDP(client.netnsPath, "127.0.0.1", 9000);
    expect(readFileSync(seen, "utf8")).toBe("hello.");
  });

  it("works under the FORWARD policy and DOCKER-USER chain of docker", async () => {
    await host.shell(
      "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER; iptables -P FORWARD DROP",
    );
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("silence");
    await host.call("restore", engine, ["web", "client"]);
    await host.call("restore", engine, ["web", "client"]);
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9");
    expect(await host.ask(web.netnsPath, "192.0.2.9", 7000)).toBe("outside 192.0.2.1");
    expect((await host.shell("iptables -S DOCKER-USER")).split("\n")).toHaveLength(5);
  });

  it("gives none a loopback of its own, and host the host's", async () => {
    const none = await host.call("connect", engine, { container: "lonely", mode: "none" });
    expect(await host.shell("ip -br link", none.netnsPath)).toMatch(/^lo +UNKNOWN .*$/);
    const shared = await host.call("connect", engine, { container: "open", mode: "host", ports: [port(80, 8090)] });
    expect(shared).toMatchObject({ netnsPath: null, ipAddress: null, ports: [] });
  });
});
