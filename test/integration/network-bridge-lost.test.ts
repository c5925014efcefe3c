/** Somebody deletes the bridges of an engine that works. No guard looks after them here: whoever needs one makes it anew. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { NetworkHost, on, port } from "../support/netns.ts";

let host: NetworkHost;
let engine: string;
let bridge: string;

beforeEach(async () => {
  host = await NetworkHost.start();
  engine = `${host.directory}/a`;
  bridge = (await host.call("open", engine, { poolSize: 2, guardInterval: 0 })).bridge;
  await host.call("restore", engine, []);
  await host.call("create", engine, { name: "red" });
});
afterEach(async () => host?.[Symbol.asyncDispose]());

const interfaceOf = async (name: string) =>
  (await host.call("list", engine)).find((network) => network.name === name)?.interfaceName ?? "";
const deleteBridges = async () => host.shell(`ip link del ${bridge}; ip link del ${await interfaceOf("red")}`);

it("starts a container at once, also from stock, and connects those that ran before", async () => {
  const old = await host.call("connect", engine, { container: "old", ports: [port(80, 8080)] });
  await host.serveTCP(old.netnsPath, "old", 80);
  // A namespace made for the stock just now may bring the bridge back before anybody asks for it.
  await deleteBridges();
  for (const [index, network] of ["bridge", "red", "bridge", "bridge", "bridge"].entries()) {
    const container = `new${index}`;
    const published = [port(80, 8081 + index)];
    const { netnsPath } = await host.call("connect", engine, { container, endpoints: on(network), ports: published });
    await host.serveTCP(netnsPath, container, 80);
    expect(await host.ask(host.outside, "192.0.2.1", 8081 + index)).toBe(`${container} 192.0.2.9`);
  }
  expect(await host.ask(host.outside, "192.0.2.1", 8080)).toBe("old 192.0.2.9");
  expect(await host.call("fsck", engine, false)).toEqual([]);
});

it("connects a running container at once", async () => {
  await host.call("connect", engine, { container: "web" });
  await deleteBridges();
  await host.call("attach", engine, "web", "red");
  expect(await host.call("fsck", engine, false)).toEqual([]);
});

it("says of a network that it was made, or removed, where it was", async () => {
  await deleteBridges();
  await host.call("removeNetwork", engine, "red");
  await host.shell(`ip link del ${bridge}`);
  await host.call("create", engine, { name: "blue" });
  expect((await host.call("list", engine)).map(({ name }) => name).sort()).toEqual(["blue", "bridge", "host", "none"]);
  expect(await host.call("fsck", engine, false)).toEqual([]);
});

it("makes each bridge once for many that come at once, and none of a network that goes meanwhile", async () => {
  await deleteBridges();
  const red = await interfaceOf("red");
  const names = Array.from({ length: 8 }, (_, index) => `c${index}`);
  await Promise.all([
    ...names.map((container) => host.call("connect", engine, { container })),
    host.call("removeNetwork", engine, "red"),
  ]);
  expect(await host.shell("ip -br link")).not.toContain(red);
  expect(await host.call("fsck", engine, false)).toEqual([]);
});
