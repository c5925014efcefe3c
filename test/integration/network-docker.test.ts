import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetworkHost, on, port } from "../support/netns.ts";

/** A real dockerd on the same host: its containers and ours, the outside, and each other's published ports. */
describe("beside docker", () => {
  let host: NetworkHost;
  let engine: string;
  let docker: string;
  let ours: Awaited<ReturnType<typeof connect>>;

  const connect = (container: string, networks: string[], ports: ReturnType<typeof port>[] = []) =>
    host.call("connect", engine, { container, endpoints: on(...networks), ports });
  /** From inside docker's container, whose busybox prints what a server says. */
  const askFromDocker = (address: string, number: number) =>
    host.shell(`${docker} exec theirs nc -w 1 ${address} ${number} 2>&1 || true`);

  beforeAll(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
    const home = join(host.directory, "docker");
    mkdirSync(join(home, "image/bin"), { recursive: true });
    copyFileSync("/bin/busybox", join(home, "image/bin/busybox"));
    chmodSync(join(home, "image/bin/busybox"), 0o755);
    writeFileSync(join(home, "answer.sh"), "echo docker");
    docker = `docker -H unix://${home}/sock`;
    // cgroups are the machine's; its own mounts go with the namespace.
    await host.call("serve", null, [
      "sh",
      "-c",
      `dockerd --data-root ${home}/data --exec-root ${home}/exec -H unix://${home}/sock --pidfile ${home}/pid --bip 172.29.0.1/24 > ${home}/log 2>&1 & echo ready; wait`,
    ]);
    await host.shell(`for try in $(seq 150); do ${docker} version > /dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1`);
    await host.shell(`for name in sh nc echo; do ln -s busybox ${home}/image/bin/$name; done
      tar -C ${home}/image -c . | ${docker} import - box > /dev/null
      ${docker} run -d --name theirs -p 8070:80 -p 127.0.0.1:8071:80 box nc -ll -p 80 -e echo docker > /dev/null`);
    await host.serveTCP(host.outside, "outside", 7000);
  }, 30_000);
  afterAll(async () => {
    await host?.shell(`${docker} rm -f theirs; kill $(cat ${host.directory}/docker/pid); sleep 1`).catch(() => {});
    await host?.call("close", engine);
    await host?.call("removeHostNetwork", engine);
    await host?.[Symbol.asyncDispose]();
  });

  const checkAll = async () => {
    await expect.poll(() => host.ask(ours.netnsPath, "192.0.2.9", 7000), { timeout: 5000 }).toBe("outside 192.0.2.1");
    expect(await askFromDocker("192.0.2.9", 7000)).toBe("outside 192.0.2.1");
    expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("ours 192.0.2.9");
    expect(await host.ask(host.outside, "192.0.2.1", 8070)).toBe("docker");
    expect(await host.ask(ours.netnsPath, "192.0.2.1", 8070)).toBe("docker");
    expect(await askFromDocker("192.0.2.1", 8080)).toMatch(/^ours /);
    expect(await host.ask(null, "127.0.0.1", 8080)).toMatch(/^ours /);
    expect(await host.ask(null, "127.0.0.1", 8071)).toBe("docker");
    // Neither reaches the other's past published ports.
    expect(await askFromDocker(ours.ipAddress ?? "", 80)).toBe("nc: timed out");
  };

  it("works for both, on the default bridge and on a network of its own, with docker there first", async () => {
    await host.call("open", engine, { poolSize: 1, guardInterval: 200 });
    await host.call("create", engine, { name: "red" });
    for (const [name, network] of [
      ["first", "bridge"],
      ["second", "red"],
    ] as const) {
      ours = await connect(name, [network], [port(80, 8080)]);
      await host.serveTCP(ours.netnsPath, "ours", 80);
      await checkAll();
      if (name === "first") await host.call("disconnect", engine, name);
    }
    const taken = connect("third", ["red"], [port(80, 8070)]);
    await expect(taken).rejects.toThrow(/port 8070\/tcp for third: it is taken by docker-proxy \(pid \d+\)/);
  });

  it("comes back after all rules were flushed, and after iptables was set up anew", async () => {
    await host.shell("nft flush ruleset");
    await expect.poll(() => host.ask(host.outside, "192.0.2.1", 8080), { timeout: 5000 }).toBe("ours 192.0.2.9");
    await expect.poll(() => host.ask(ours.netnsPath, "192.0.2.9", 7000), { timeout: 5000 }).toBe("outside 192.0.2.1");
    // As a firewall's own service would: everything of others is gone, and the policy is drop.
    await host.shell("iptables -F; iptables -X; iptables -P FORWARD DROP");
    await expect.poll(() => host.ask(host.outside, "192.0.2.1", 8080), { timeout: 5000 }).toBe("ours 192.0.2.9");
    await expect.poll(() => host.ask(ours.netnsPath, "192.0.2.9", 7000), { timeout: 5000 }).toBe("outside 192.0.2.1");
  });
});
