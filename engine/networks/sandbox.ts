import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { runCommand } from "../host/commands.ts";
import { isMounted, mountBind, unmount } from "../host/mounts.ts";
import { createNetns, runIP, tryIP } from "../host/network-tools.ts";
import { formatIPv4, type Subnet } from "../lib/ipv4.ts";
import { type BridgeSubnet, macAddressOf } from "./subnet.ts";

/** A netns of our own, bound to a file. `link` is null where it has nothing but loopback. */
export type Sandbox = {
  /** Eight hex digits: end of both the file's and the interface's name. */
  readonly token: string;
  readonly netnsPath: string;
  readonly link: SandboxLink | null;
};

export type SandboxLink = {
  /** Host end of the veth pair; the other end is `eth0` inside. */
  readonly interfaceName: string;
  readonly ipAddress: string;
  readonly macAddress: string;
};

export type SandboxNetwork = { readonly subnet: BridgeSubnet; readonly mtu: number };

const tokenPattern = /^[0-9a-f]{8}$/;

/**
 * Makes and takes away netns files under `<run>/netns/` and the veth pairs that lead to them. The directory is a shared mount of its
 * own, as ip-netns(8) does with its: a netns that is unmounted here must also go from mount namespaces that copied ours.
 */
export class Sandboxes {
  readonly #directory: string;
  readonly #config: EngineConfig;
  /** Made by this process and not yet taken away: all else in the directory is left over from an earlier one. */
  readonly #known = new Set<string>();

  constructor(config: EngineConfig) {
    this.#config = config;
    this.#directory = netnsDirectory(config);
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (isMounted(this.#directory)) return;
    mountBind(this.#directory, this.#directory);
    await runCommand("mount", ["--make-shared", this.#directory]);
  }

  /** Loopback is up; with a network, eth0 has its address and the default route, and is joined to the bridge. namespace: see SandboxRequest. */
  async create(address: number | null, network: SandboxNetwork, namespace?: string | null): Promise<Sandbox> {
    const token = randomBytes(4).toString("hex");
    const sandbox = this.describe(token, address === null ? null : formatIPv4(address));
    this.#known.add(token);
    try {
      await writeFile(sandbox.netnsPath, "", { flag: "wx", mode: 0o444 });
      await createNetns(sandbox.netnsPath, ["link set lo up", ...this.#insideLines(sandbox, network)], namespace);
      if (sandbox.link !== null) await this.join(sandbox.link.interfaceName);
      return sandbox;
    } catch (error) {
      await this.destroy([sandbox]);
      throw error;
    }
  }

  /** What a sandbox with this token is made of. */
  describe(token: string, ipAddress: string | null): Sandbox {
    const link =
      ipAddress === null
        ? null
        : { interfaceName: `${this.#config.names.vethPrefix}${token}`, ipAddress, macAddress: macAddressOf(ipAddress) };
    return { token, netnsPath: join(this.#directory, token), link };
  }

  /** Keeps sweep() from a sandbox of an earlier process whose container lives. */
  adopt(token: string): void {
    this.#known.add(token);
  }

  /**
   * Makes the host end a port of the bridge. Without IPv6 addresses on it the host does no router discovery on each. In hairpin mode
   * a container reaches itself through its own published port.
   */
  async join(interfaceName: string): Promise<void> {
    await runIP([
      `link set dev ${interfaceName} addrgenmode none`,
      `link set dev ${interfaceName} master ${this.#config.names.bridge} up`,
      `link set dev ${interfaceName} type bridge_slave hairpin on`,
    ]);
  }

  /** Puts a new veth pair into a netns whose own was deleted by someone. */
  async relink(sandbox: Sandbox, network: SandboxNetwork): Promise<void> {
    const lines = this.#insideLines(sandbox, network);
    await runCommand("nsenter", [`--net=${sandbox.netnsPath}`, "ip", "-batch", "-"], {
      input: `${lines.join("\n")}\n`,
    });
    if (sandbox.link !== null) await this.join(sandbox.link.interfaceName);
  }

  /** Takes all of them away in one go; what is gone already is passed over. */
  async destroy(sandboxes: readonly Sandbox[]): Promise<void> {
    if (sandboxes.length === 0) return;
    await destroyAll(
      sandboxes.map(({ netnsPath }) => netnsPath),
      sandboxes.flatMap(({ link }) => (link === null ? [] : [link.interfaceName])),
    );
    for (const { token } of sandboxes) this.#known.delete(token);
  }

  /** Removes what an earlier process left: files and, of these links of the host, ours that belong to no known sandbox. */
  async sweep(linkNames: readonly string[]): Promise<void> {
    const isLeft = (token: string) => tokenPattern.test(token) && !this.#known.has(token);
    const files = (await readdir(this.#directory)).filter(isLeft);
    const prefix = this.#config.names.vethPrefix;
    const links = linkNames.filter((name) => name.startsWith(prefix) && isLeft(name.slice(prefix.length)));
    await destroyAll(
      files.map((token) => join(this.#directory, token)),
      links,
    );
  }

  #insideLines(sandbox: Sandbox, network: SandboxNetwork): string[] {
    if (sandbox.link === null) return [];
    const { interfaceName, ipAddress, macAddress } = sandbox.link;
    const { gateway, prefixLength, subnet } = network.subnet;
    const mtu = `mtu ${network.mtu}`;
    return [
      // Made from inside with the peer in the host's netns: moving an end there afterwards costs ten times as much.
      `link add eth0 address ${macAddress} ${mtu} type veth peer name ${interfaceName} ${mtu} netns ${process.pid}`,
      "link set dev eth0 addrgenmode none",
      "link set dev eth0 up",
      `addr add ${ipAddress}/${prefixLength} broadcast ${broadcastOf(subnet)} dev eth0`,
      `route add default via ${gateway} dev eth0`,
    ];
  }
}

/** Interfaces that look like ours, by EngineConfig.names. */
export function isSandboxLink(config: EngineConfig, name: string): boolean {
  const prefix = config.names.vethPrefix;
  return name.startsWith(prefix) && tokenPattern.test(name.slice(prefix.length));
}

export function netnsDirectory(config: EngineConfig): string {
  return join(config.run, "netns");
}

/**
 * Unmounting lets the namespace go, and its veth pair with it, in a kernel thread. A process that still holds the namespace would keep
 * the pair alive, so the host end is deleted as well.
 */
async function destroyAll(paths: readonly string[], links: readonly string[]): Promise<void> {
  for (const path of paths) {
    await unmount(path);
    await rm(path, { force: true });
  }
  if (links.length > 0) await tryIP(links.map((name) => `link del dev ${name}`));
}

function broadcastOf(subnet: Subnet): string {
  return formatIPv4(subnet.base + 2 ** (32 - subnet.prefixLength) - 1);
}
