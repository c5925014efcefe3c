import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createConfig } from "../../engine/config.ts";
import { migrations } from "../../engine/database/schema.ts";
import { NetworkHost } from "../support/netns.ts";

let host: NetworkHost;
let engine: string;
beforeEach(async () => {
  host = await NetworkHost.start();
  engine = `${host.directory}/a`;
});
afterEach(async () => host?.[Symbol.asyncDispose]());

/** A container as the engine of the schema before this one has left it: running, on the only bridge there was, one port published. */
async function leaveContainer(): Promise<{ token: string; address: string }> {
  const config = createConfig({ root: join(engine, "root"), run: join(engine, "run") });
  mkdirSync(config.root, { recursive: true });
  const [token, address] = ["0a1b2c3d", "10.47.8.2"];
  const database = new DatabaseSync(join(config.root, "gantry.db"));
  for (const statements of migrations.slice(0, 2)) database.exec(statements);
  const ports = [{ hostAddress: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }];
  database.exec(`
    PRAGMA user_version = 2;
    INSERT INTO settings VALUES ('network.subnet', '10.47.8.0/22');
    INSERT INTO images VALUES ('sha256:test', NULL, '2026-01-01T00:00:00Z', 'amd64', 'linux', '2026-01-01T00:00:00Z');
    INSERT INTO containers VALUES ('web', 'web-1', 'sha256:test', '2026-01-01T00:00:00Z', '{}', '{}');
    INSERT INTO containers VALUES ('lone', 'lone-1', 'sha256:test', '2026-01-01T00:00:00Z', '{}', '{}');
    INSERT INTO endpoints VALUES ('web', 'bridge', '${address}', '${JSON.stringify({ token, ports })}');
    INSERT INTO endpoints VALUES ('lone', 'host', NULL, '{"token":null,"ports":[]}');
    INSERT INTO published_ports VALUES ('tcp', '0.0.0.0', 8080, 'web', 80);
  `);
  database.close();
  const { bridge, vethPrefix } = config.names;
  await host.shell(`
    mkdir -p ${config.run}/netns && mount --bind ${config.run}/netns ${config.run}/netns && mount --make-shared ${config.run}/netns
    ip link add ${bridge} type bridge && ip addr add 10.47.8.1/22 dev ${bridge} && ip link set ${bridge} up
    touch ${config.run}/netns/${token} && unshare --net=${config.run}/netns/${token} ip link set lo up
    ip link add ${vethPrefix}${token} master ${bridge} up type veth peer name eth0 address 02:47:0a:2f:08:02 netns ${config.run}/netns/${token}
    nsenter --net=${config.run}/netns/${token} sh -c "ip addr add ${address}/22 dev eth0; ip link set eth0 up; ip route add default via 10.47.8.1"
  `);
  await host.serveTCP(`${config.run}/netns/${token}`, "web", 80);
  return { token, address };
}

it("goes on with containers that an engine of the former schema left running", async () => {
  const { token, address } = await leaveContainer();
  await host.call("open", engine, { poolSize: 1 });
  await host.call("restore", engine, ["web", "lone"]);
  const web = await host.call("find", engine, "web");
  expect(web).toMatchObject({
    netnsPath: join(engine, "run/netns", token),
    ipAddress: address,
    gateway: "10.47.8.1",
    primary: { network: "bridge", interfaceName: "eth0", macAddress: "02:47:0a:2f:08:02" },
    ports: [{ hostPort: 8080, containerPort: 80 }],
  });
  expect(await host.call("find", engine, "lone")).toMatchObject({ netnsPath: null, mode: "host", endpoints: [] });
  expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("web 192.0.2.9");
  const other = await host.call("connect", engine, { container: "other" });
  expect(other.ipAddress).not.toBe(address);
  expect(await host.ask(other.netnsPath, address, 80)).toBe(`web ${other.ipAddress}`);
  await host.call("disconnect", engine, "web");
  expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("refused");
});
