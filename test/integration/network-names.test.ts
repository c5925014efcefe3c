import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkHost, on } from "../support/netns.ts";

/** Asks in a container's netns by Node's own resolver, through the address that its resolv.conf would name. */
const script = `
  const { Resolver } = require("node:dns/promises");
  const resolver = new Resolver({ timeout: 1500, tries: 1 });
  resolver.setServers(["127.0.0.11"]);
  const [how, name] = process.argv.slice(1);
  resolver[how](name).then((found) => console.log(JSON.stringify(found)), (error) => console.log(error.code));`;

describe("names", () => {
  let host: NetworkHost;
  let engine: string;
  const netns = new Map<string, string>();

  const start = async (container: string, networks: string[], aliases: string[] = []) => {
    const endpoints = on(...networks).map((endpoint) => ({ ...endpoint, settings: { aliases } }));
    const made = await host.call("connect", engine, { container, hostname: "", endpoints });
    netns.set(container, made.netnsPath ?? "");
    return made;
  };
  const resolve = async (container: string, name: string, how = "resolve4") => {
    const result = await host.call("exec", netns.get(container) ?? "", [process.execPath, "-e", script, how, name]);
    const text = result.stdout.trim();
    return text.startsWith("[") ? (JSON.parse(text) as string[]) : text;
  };
  const resolverPid = () => Number(readFileSync(join(engine, "run/resolver.pid"), "latin1").split(" ")[0]);

  beforeEach(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
    const file = join(host.directory, "resolv.conf");
    await host.shell(`echo "nameserver 127.0.0.1" > ${file}; mount --bind ${file} /etc/resolv.conf`);
    await host.call("open", engine, { poolSize: 1 });
    await host.call("create", engine, { name: "red", enableIPv6: true });
    await host.call("create", engine, { name: "blue" });
  });
  afterEach(async () => {
    await host.call("removeHostNetwork", engine);
    await host[Symbol.asyncDispose]();
  });

  it("finds names, aliases, short ids and addresses of the networks one is on, and of no other", async () => {
    const web = await start("web", ["red"], ["www", "Site"]);
    await start("client", ["red"]);
    const both = await start("both", ["red", "blue"]);
    await start("stranger", ["blue"]);
    await start("plain", ["bridge"]);
    for (const name of ["web", "WEB", "www", "site", "web.red"]) {
      expect(await resolve("client", name), name).toEqual([web.ipAddress]);
    }
    const [endpoint] = web.endpoints;
    expect(await resolve("client", "web", "resolve6")).toEqual([endpoint?.ipv6Address]);
    expect(await resolve("client", web.ipAddress ?? "", "reverse")).toEqual(["web.red"]);
    expect(await resolve("client", endpoint?.ipv6Address ?? "", "reverse")).toEqual(["web.red"]);
    expect(await resolve("client", "web", "resolveMx")).toBe("ENODATA");
    expect(await resolve("stranger", "both", "resolve6")).toBe("ENODATA");
    expect(await resolve("stranger", "both")).toEqual([both.endpoints[1]?.ipAddress]);
    expect(await resolve("both", "stranger")).toHaveLength(1);
    expect(await resolve("stranger", "web")).not.toEqual([web.ipAddress]);
    // docker's default bridge never had names.
    expect(await resolve("plain", "web")).toBe("ECONNREFUSED");
  });

  it("follows containers that come, go, connect, and get other names", async () => {
    await start("client", ["red"]);
    const first = await start("web", ["red"], ["pool"]);
    const second = await start("more", ["blue"]);
    await host.call("attach", engine, "more", "red", { aliases: ["pool"] });
    expect(new Set(await resolve("client", "pool")).size).toBe(2);
    expect(await resolve("more", "client")).toHaveLength(1);
    await host.call("disconnect", engine, "web");
    expect(await resolve("client", "pool")).toHaveLength(1);
    expect(await resolve("client", "pool")).not.toEqual([first.ipAddress]);
    await host.call("rename", engine, "more", "less");
    await expect.poll(() => resolve("client", "less")).toHaveLength(1);
    await host.call("detach", engine, "more", "red");
    expect(await resolve("client", "pool")).toBe("ESERVFAIL");
    expect(await resolve("client", "less")).not.toEqual([second.ipAddress]);
  });

  it("goes on while the engine is down, and comes back by itself when it was killed", async () => {
    const web = await start("web", ["red"]);
    await start("client", ["red"]);
    await host.call("close", engine);
    expect(await resolve("client", "web")).toEqual([web.ipAddress]);
    const pid = resolverPid();
    await host.call("open", engine, { poolSize: 0 });
    await host.call("restore", engine, ["web", "client"]);
    expect(resolverPid()).toBe(pid);
    expect(await resolve("client", "web")).toEqual([web.ipAddress]);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => resolve("client", "web"), { timeout: 5000 }).toEqual([web.ipAddress]);
    expect(resolverPid()).not.toBe(pid);
    // One that died while no engine was there.
    await host.call("close", engine);
    process.kill(resolverPid(), "SIGKILL");
    await host.call("open", engine, { poolSize: 0 });
    await host.call("restore", engine, ["client"]);
    expect(await resolve("client", "web")).toBe("ESERVFAIL");
    expect(await resolve("client", "client")).toHaveLength(1);
  });

  it("asks the host's servers for other names, but not for who may not leave", async () => {
    // The host's resolver of this test: knows everything, counts who asks.
    const server = `
      const s = require("dgram").createSocket("udp4");
      s.on("message", (m, peer) => {
        const end = m.indexOf(0, 12) + 5;
        const answer = Buffer.concat([m.subarray(0, end), Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 203, 0, 113, 5])]);
        answer.writeUInt16BE(0x8180, 2); answer.writeUInt16BE(1, 6); answer.writeUInt16BE(0, 8); answer.writeUInt16BE(0, 10);
        s.send(answer, peer.port, peer.address);
      });
      s.bind(53, "127.0.0.53", () => console.log("ready"))`;
    await host.call("serve", null, [process.execPath, "-e", server]);
    await host.call("create", engine, { name: "vault", internal: true });
    await start("client", ["red"]);
    await start("locked", ["vault"]);
    expect(await resolve("client", "example.com")).toBe("ESERVFAIL");
    // Changes of the host's are seen.
    await host.shell(`echo "nameserver 127.0.0.53" > ${join(host.directory, "resolv.conf")}`);
    await expect.poll(() => resolve("client", "example.com"), { timeout: 4000 }).toEqual(["203.0.113.5"]);
    expect(await resolve("locked", "example.com")).toBe("ENOTFOUND");
    expect(await resolve("locked", "locked")).toHaveLength(1);
  });

  it("works where the host's firewall lets nothing in, and port 53 is taken on the host and in the container", async () => {
    await host.shell(
      "nft add table inet strict; nft 'add chain inet strict input { type filter hook input priority 0; policy drop; }'",
    );
    const bind = `require("dgram").createSocket("udp4").bind(53, "0.0.0.0", () => console.log("ready"))`;
    await host.call("serve", null, [process.execPath, "-e", bind]);
    const web = await start("web", ["red"]);
    await start("client", ["red"]);
    await host.call("serve", netns.get("client") ?? "", [process.execPath, "-e", bind]);
    expect(await resolve("client", "web")).toEqual([web.ipAddress]);
  });

  it("answers by TCP what a datagram cannot hold", async () => {
    await start("client", ["red"]);
    await Promise.all(Array.from({ length: 40 }, (_, index) => start(`c${index}`, ["red"], ["many"])));
    expect(new Set(await resolve("client", "many")).size).toBe(40);
  });
});
