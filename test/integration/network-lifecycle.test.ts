import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkHost, port } from "../support/netns.ts";

describe("network life cycle", () => {
  let host: NetworkHost;
  let engine: string;
  beforeEach(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
  });
  afterEach(async () => host?.[Symbol.asyncDispose]());

  const links = async () => (await host.shell("ip -br link | cut -d' ' -f1 | cut -d@ -f1")).split("\n").sort();
  const eventually = async (check: () => Promise<void>) => {
    for (let tries = 0; ; tries += 1) {
      try {
        return await check();
      } catch (error) {
        if (tries === 30) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };

  it("takes ready namespaces from the stock", async () => {
    await host.call("open", engine);
    await host.call("restore", engine, []);
    const stock = () => readdirSync(`${engine}/run/netns`).map((name) => `${engine}/run/netns/${name}`);
    const taken: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      // Four on the bridge, one with loopback only, and those in use.
      await eventually(async () => expect(stock()).toHaveLength(5 + index));
      await new Promise((resolve) => setTimeout(resolve, 20));
      const ready = stock();
      const endpoint = await host.call("connect", engine, { container: `c${index}`, ports: [port(80, 8000 + index)] });
      expect(ready).toContain(endpoint.netnsPath);
      taken.push(endpoint.milliseconds);
    }
    const sorted = taken.sort((one, other) => one - other);
    console.log(`connect with a port: median ${sorted[10]?.toFixed(1)} ms, slowest ${sorted.at(-1)?.toFixed(1)} ms`);
  });

  it("serves many at once without giving anything twice", async () => {
    await host.call("open", engine, { poolSize: 2 });
    const names = Array.from({ length: 12 }, (_, index) => `c${index}`);
    const endpoints = await Promise.all(
      names.map((container) => host.call("connect", engine, { container, ports: [port(80, null)] })),
    );
    expect(new Set(endpoints.map(({ ipAddress }) => ipAddress)).size).toBe(12);
    expect(new Set(endpoints.map(({ netnsPath }) => netnsPath)).size).toBe(12);
    expect(new Set(endpoints.map(({ ports }) => ports[0]?.hostPort)).size).toBe(12);
    await Promise.all(names.map((container) => host.call("disconnect", engine, container)));
    expect(await host.shell("nft list ruleset | sed -n '/map published/,/}/p'")).not.toContain("elements");
  });

  it("refuses a taken port, names the owner, and leaves nothing behind", async () => {
    await host.call("open", engine, { poolSize: 0 });
    const server = await host.serveTCP(null, "x", 9100);
    await host.call("connect", engine, {
      container: "web-1",
      ports: [port(80, 8080), port(80, 8081, { address: "127.0.0.1" })],
    });
    const before = await links();
    const refuse = (request: ReturnType<typeof port>) =>
      host.call("connect", engine, { container: "web-2", ports: [request] });

    await expect(refuse(port(80, 8080))).rejects.toMatchObject({
      code: "failed-precondition",
      message: "publish port 8080/tcp for web-2: it is taken by container web-1",
      hint: "choose another host port, or stop what uses this one",
    });
    await expect(refuse(port(80, 8080, { address: "192.0.2.1" }))).rejects.toThrow("port 192.0.2.1:8080/tcp for web-2");
    await expect(refuse(port(80, 8081))).rejects.toThrow("taken by container web-1");
    await expect(refuse(port(80, 9100))).rejects.toThrow(`taken by node (pid ${server})`);
    await expect(refuse(port(80, 8080, { address: "203.0.113.1" }))).rejects.toThrow("does not have that address");
    expect(await host.call("find", engine, "web-2")).toBeNull();
    await eventually(async () => expect(await links()).toEqual(before));

    const free = await refuse(port(80, 8081, { address: "192.0.2.1" }));
    expect(free.ports).toEqual([port(80, 8081, { address: "192.0.2.1" })]);
    await host.call("disconnect", engine, "web-2");
    await host.call("disconnect", engine, "web-1");
    await refuse(port(80, 8080));
  });

  it("takes everything away on disconnect, twice as well", async () => {
    await host.call("open", engine, { poolSize: 0 });
    const empty = await links();
    const { ports } = await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    expect(ports).toEqual([port(80, 8080, { address: "0.0.0.0" })]);
    await host.call("disconnect", engine, "web");
    await host.call("disconnect", engine, "web");
    expect(await host.call("find", engine, "web")).toBeNull();
    await eventually(async () => {
      expect(await links()).toEqual(empty);
      expect(readdirSync(`${engine}/run/netns`)).toEqual([]);
    });
  });

  it("finds everything again after a kill, sweeps what is dead, and mends what was broken", async () => {
    const names = await host.call("open", engine, { poolSize: 2 });
    await host.call("restore", engine, []);
    const web = await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    const cut = await host.call("connect", engine, { container: "cut", ports: [port(80, 8081)] });
    await host.call("connect", engine, { container: "dead", ports: [port(80, 8082)] });
    await host.serveTCP(web.netnsPath, "web", 80);
    await host.serveTCP(cut.netnsPath, "cut", 80);
    await host.call("abandon", engine);
    await host.shell(
      `nft delete table inet ${names.table}; ip link del ${names.bridge}; ip link del ${cut.interfaceName}`,
    );
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("refused");

    await host.call("open", engine, { poolSize: 0 });
    await host.call("restore", engine, ["web", "cut"]);
    expect(await host.call("find", engine, "web")).toEqual({ ...web, milliseconds: undefined });
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8081)).toBe("cut 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8082)).toBe("refused");
    expect(await host.call("find", engine, "dead")).toBeNull();
    const ours = [names.bridge, web.interfaceName, cut.interfaceName, "lo", "up0"].sort();
    await eventually(async () => expect((await links()).sort()).toEqual(ours));
    expect(readdirSync(`${engine}/run/netns`)).toHaveLength(2);
  });

  it("puts rules back by itself when a firewall flushed them", async () => {
    await host.call("open", engine, { poolSize: 0, guardInterval: 100 });
    const web = await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    await host.serveTCP(web.netnsPath, "web", 80);
    await host.shell("nft flush ruleset");
    await eventually(async () => expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9"));
  });

  it("finds what others have taken away, and makes it anew", async () => {
    const names = await host.call("open", engine, { poolSize: 0 });
    await host.call("create", engine, { name: "red" });
    const endpoints = [{ network: "red", settings: { aliases: [] } }];
    const web = await host.call("connect", engine, { container: "web", endpoints, ports: [port(80, 8080)] });
    await host.serveTCP(web.netnsPath, "web", 80);
    expect(await host.call("fsck", engine, false)).toEqual([]);
    await host.shell(
      `nft delete table inet ${names.table}; ip link del ${names.bridge}; ip link del ${web.interfaceName}`,
    );
    const found = await host.call("fsck", engine, true);
    expect(found.map(({ object, problem }) => `${object}: ${problem}`).sort()).toEqual(
      [
        `bridge: its bridge ${names.bridge} is not there`,
        `${names.table}: the firewall rules are gone`,
        `web: its interface ${web.interfaceName} is not there`,
      ].sort(),
    );
    expect(await host.call("fsck", engine, false)).toEqual([]);
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9");
    await host.call("removeHostNetwork", engine);
  });

  it("refuses a network that goes while a container comes, and gives nothing to nobody", async () => {
    await host.call("open", engine, { poolSize: 1 });
    for (const name of ["n1", "n2", "n3", "n4"]) await host.call("create", engine, { name });
    const works = ["n1", "n2", "n3", "n4"].flatMap((name) => [
      host.call("removeNetwork", engine, name),
      host.call("connect", engine, { container: name, endpoints: [{ network: name, settings: { aliases: [] } }] }),
    ]);
    const results = await Promise.allSettled(works);
    const names = (await host.call("list", engine)).map(({ name }) => name);
    for (const [index, name] of ["n1", "n2", "n3", "n4"].entries()) {
      const [removed, connected] = results.slice(2 * index, 2 * index + 2).map(({ status }) => status === "fulfilled");
      expect([removed, connected, names.includes(name)]).toEqual(removed ? [true, false, false] : [false, true, true]);
    }
    await host.call("removeHostNetwork", engine);
  });

  it("publishes although somebody flushed the rules a moment ago", async () => {
    await host.call("open", engine, { poolSize: 0 });
    const first = await host.call("connect", engine, { container: "first", ports: [port(80, 8080)] });
    await host.serveTCP(first.netnsPath, "first", 80);
    await host.shell("nft flush ruleset");
    const second = await host.call("connect", engine, { container: "second", ports: [port(80, 8081)] });
    await host.serveTCP(second.netnsPath, "second", 80);
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("first 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8081)).toBe("second 192.0.2.9");
  });

  it("keeps off the host's routes, and takes other addresses when its own were given away meanwhile", async () => {
    await host.shell("ip route add 10.0.0.0/8 via 192.0.2.9");
    await host.call("open", engine, { poolSize: 0 });
    const before = await host.call("connect", engine, { container: "web" });
    expect(before.gateway).toMatch(/^(172\.30|192\.168|198\.18)\./);
    await host.call("removeAll", engine);
    await host.call("abandon", engine);
    await host.shell(`ip route add ${before.gateway}/32 via 192.0.2.9`);
    await host.call("open", engine, { poolSize: 0 });
    await host.call("restore", engine, []);
    expect((await host.call("connect", engine, { container: "web" })).gateway).not.toBe(before.gateway);
  });

  it("lives beside another engine: own subnet, own table, no port twice", async () => {
    const other = `${host.directory}/b`;
    await host.call("open", engine, { poolSize: 1 });
    const first = await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    await host.call("open", other, { poolSize: 1 });
    const second = await host.call("connect", other, { container: "web", ports: [port(80, 8081)] });
    await host.serveTCP(first.netnsPath, "first", 80);
    await host.serveTCP(second.netnsPath, "second", 80);
    expect(first.gateway).not.toBe(second.gateway);
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("first 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8081)).toBe("second 192.0.2.9");
    expect(await host.ask(second.netnsPath, first.ipAddress ?? "", 80)).toBe("silence");
    const taken = host.call("connect", other, { container: "more", ports: [port(80, 8080)] });
    await expect(taken).rejects.toThrow("taken by a container of another engine");

    await host.call("removeAll", engine);
    expect(await host.ask(host.outside, "192.0.2.1", 8081)).toBe("second 192.0.2.9");
  });

  it("leaves nothing behind when all is removed, and can do it twice", async () => {
    const before = await links();
    await host.call("open", engine);
    await host.call("restore", engine, []);
    await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    await host.call("connect", engine, { container: "none", mode: "none" });
    await host.call("close", engine);
    const lines = await host.call("removeHostNetwork", engine);
    expect(lines.map((line) => line.split(" ")[0]).sort()).toEqual(["interface", "interface", "netns", "netns", "nft"]);
    expect(await host.call("removeHostNetwork", engine)).toEqual([]);
    await eventually(async () => expect(await links()).toEqual(before));
    expect(await host.shell(`nft list tables; grep ${engine} /proc/self/mountinfo || true`)).toBe("");
  });
});
