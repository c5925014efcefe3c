import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { LinkMaker, type LinkTask } from "../../engine/host/link-maker.ts";
import { unmount } from "../../engine/host/mounts.ts";

type Shown = Readonly<Record<string, unknown>>;
const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const show = (...args: string[]) => (JSON.parse(ip("-d", "-j", ...args)) as Shown[])[0];
const showIn = (path: string, ...args: string[]) =>
  (
    JSON.parse(execFileSync("nsenter", [`--net=${path}`, "ip", "-d", "-j", ...args], { encoding: "utf8" })) as Shown[]
  )[0];

let maker: LinkMaker;
let path = "";
let bridge = "";
let outside = "";
let inside = "";
beforeEach(() => {
  const token = randomBytes(4).toString("hex");
  [bridge, outside, inside] = [`gtb${token}`, `gtv${token}`, `gti${token}`];
  const directory = mkdtempSync(join(tmpdir(), "gantry-links-"));
  path = join(directory, "netns");
  writeFileSync(path, "");
  ip("link", "add", bridge, "type", "bridge");
  maker = new LinkMaker();
  return async () => {
    await maker.close();
    await unmount(path);
    ip("link", "del", bridge);
    rmSync(directory, { recursive: true });
  };
});

function vethTask(): LinkTask {
  return {
    before: [],
    netns: { path, isNew: true },
    inside: [
      { kind: "up", link: "lo" },
      { kind: "add-veth", link: "eth0", mac: "02:11:22:33:44:55", mtu: 1400, peer: outside },
      { kind: "no-own-addresses", link: "eth0" },
      { kind: "up", link: "eth0" },
      { kind: "address", link: "eth0", address: "192.0.2.2", prefixLength: 24, broadcast: "192.0.2.255" },
      { kind: "address", link: "eth0", address: "2001:db8::2", prefixLength: 64, nodad: true },
      { kind: "default-route", family: 4, via: "192.0.2.1", link: "eth0" },
      { kind: "default-route", family: 6, via: "2001:db8::1", link: "eth0" },
    ],
    after: [
      { kind: "no-own-addresses", link: outside },
      { kind: "join", link: outside, bridge },
      { kind: "port", link: outside, hairpin: true, isolated: true },
    ],
  };
}

const onHost = (...before: LinkTask["before"]): LinkTask => ({ before, netns: null, inside: [], after: [] });

describe("links by the kernel's own protocol", () => {
  it("are as ip(8) would make them", async () => {
    await maker.run(vethTask());
    expect(showIn(path, "address", "show", "lo")?.flags).toContain("UP");
    const eth0 = showIn(path, "address", "show", "eth0");
    expect(eth0).toMatchObject({ mtu: 1400, address: "02:11:22:33:44:55" });
    expect(showIn(path, "link", "show", "eth0")).toMatchObject({ inet6_addr_gen_mode: "none" });
    const addresses = eth0?.addr_info as Shown[];
    expect(addresses).toHaveLength(2);
    expect(addresses[0]).toMatchObject({
      local: "192.0.2.2",
      prefixlen: 24,
      broadcast: "192.0.2.255",
      scope: "global",
    });
    expect(addresses[1]).toMatchObject({ local: "2001:db8::2", prefixlen: 64, nodad: true });
    expect(showIn(path, "-4", "route", "show", "default")).toMatchObject({ gateway: "192.0.2.1", dev: "eth0" });
    expect(showIn(path, "-6", "route", "show", "default")).toMatchObject({ gateway: "2001:db8::1", dev: "eth0" });
    const port = show("link", "show", outside);
    expect(port).toMatchObject({ mtu: 1400, master: bridge, inet6_addr_gen_mode: "none" });
    expect(port?.flags).toContain("UP");
    expect(port?.linkinfo).toMatchObject({ info_slave_data: { hairpin: true, isolated: true } });
  });

  it("are changed in a namespace that is there", async () => {
    await maker.run(vethTask());
    await maker.run({
      before: [],
      netns: { path, isNew: false },
      inside: [
        { kind: "default-route", family: 4, via: "192.0.2.9", link: "eth0" },
        { kind: "address", link: "eth0", address: "169.254.7.7", prefixLength: 16, onLinkOnly: true },
      ],
      after: [{ kind: "port", link: outside, hairpin: true, isolated: false }],
    });
    expect(showIn(path, "-4", "route", "show", "default")?.gateway).toBe("192.0.2.9");
    const addresses = showIn(path, "address", "show", "eth0")?.addr_info as Shown[];
    expect(addresses.find(({ local }) => local === "169.254.7.7")).toMatchObject({ scope: "link" });
    const { linkinfo } = show("link", "show", outside) ?? {};
    expect(linkinfo).toMatchObject({ info_slave_data: { hairpin: true, isolated: false } });
    await maker.run({
      before: [],
      netns: { path, isNew: false },
      inside: [{ kind: "remove", link: "eth0" }],
      after: [],
    });
    expect(() => show("link", "show", outside)).toThrow("does not exist");
  });

  it("stand on a parent", async () => {
    await maker.run({ before: [], netns: { path, isNew: true }, inside: [], after: [] });
    await maker.run({
      before: [
        {
          kind: "add-vlan",
          driver: "macvlan",
          mode: "private",
          parent: bridge,
          link: inside,
          mac: "02:11:22:33:44:66",
          mtu: 1300,
          netnsPath: path,
        },
      ],
      netns: { path, isNew: false },
      inside: [{ kind: "up", link: inside }],
      after: [],
    });
    const link = showIn(path, "link", "show", inside);
    expect(link).toMatchObject({ mtu: 1300, address: "02:11:22:33:44:66" });
    expect(link?.linkinfo).toMatchObject({ info_kind: "macvlan", info_data: { mode: "private" } });
    await expect(
      maker.run({ ...onHost(), before: [{ kind: "up", link: inside }] }),
      "the thread is in the host's namespace again",
    ).rejects.toThrow();
  });

  it("say what the kernel has against them, and the next are made all the same", async () => {
    const unknown = onHost({ kind: "join", link: bridge, bridge: "no-such-bridge" });
    await expect(maker.run(unknown)).rejects.toMatchObject({
      code: "internal",
      message: "set up a network interface: look up link no-such-bridge: no such device",
    });
    const [first, ...others] = vethTask().inside;
    const failing = {
      ...vethTask(),
      inside: [first, { kind: "up", link: "nobody" }, ...others].filter((step) => step !== undefined),
    };
    await expect(maker.run(failing as LinkTask)).rejects.toThrow("no such device");
    expect(() => show("link", "show", outside)).toThrow("does not exist");
    await expect(maker.run({ ...vethTask(), netns: { path: "/no/such/file", isNew: true } })).rejects.toThrow(
      "no such file or directory",
    );
    await maker.run(onHost({ kind: "up", link: bridge }));
    expect(show("link", "show", bridge)?.flags).toContain("UP");
  });

  it("are made by a thread that is there when it is needed", async () => {
    const hasty = new LinkMaker({ idleTime: 1 });
    const threads = () => readdirSync("/proc/self/task").length;
    const before = threads();
    await hasty.run(vethTask());
    await expect.poll(threads).toBe(before);
    const steps = Array.from({ length: 20 }, (_, index) =>
      sleep(index).then(() =>
        hasty.run(onHost({ kind: "port", link: outside, hairpin: true, isolated: index % 2 === 0 })),
      ),
    );
    await Promise.all(steps);
    const { linkinfo } = show("link", "show", outside) ?? {};
    expect(linkinfo).toMatchObject({ info_slave_data: { isolated: false } });
    await hasty.close();
    expect(threads()).toBe(before);
  });

  it("are made one after the other, however many are asked for, and to the end before it closes", async () => {
    const steps = [false, true, false].map((isolated) =>
      onHost({ kind: "port", link: outside, hairpin: true, isolated }),
    );
    const all = Promise.all([vethTask(), ...steps].map((task) => maker.run(task)));
    await maker.close();
    await all;
    const { linkinfo } = show("link", "show", outside) ?? {};
    expect(linkinfo).toMatchObject({ info_slave_data: { isolated: false } });
  });
});
