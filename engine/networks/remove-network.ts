import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { tryCommand } from "../host/commands.ts";
import { listMounts } from "../host/mountinfo.ts";
import { unmount } from "../host/mounts.ts";
import { listLinks, listNftTables, tryIP } from "../host/network-tools.ts";
import { distrustBridges, withdrawBridges } from "./foreign-firewall.ts";
import { endResolver } from "./resolver/resolver-client.ts";
import { isSandboxLink, netnsDirectory } from "./sandbox.ts";

/**
 * Removes bridges, veth pairs, resolver, nft table, netns files and the rules in other firewalls of one engine; needs no database, and goes on
 * where something is gone already. Gives a line for each thing removed. `net.ipv4.ip_forward` stays on: others may rely on it.
 */
export async function removeHostNetwork(config: EngineConfig): Promise<string[]> {
  // Before their namespaces go, which take them along in their own time.
  const links = await listOurLinks(config);
  return [
    ...((await endResolver(config)) ? ["resolver of names"] : []),
    ...(await removeNamespaces(config)),
    ...(await removeLinks(links)),
    ...(await removeTable(config)),
    ...(await withdrawBridges(config)).map((program) => `rules in ${program}`),
  ];
}

async function removeNamespaces(config: EngineConfig): Promise<string[]> {
  const directory = netnsDirectory(config);
  const names = await readdir(directory).catch(() => []);
  const removed: string[] = [];
  for (const name of names) {
    await unmount(join(directory, name));
    await rm(join(directory, name), { force: true, recursive: true });
    removed.push(`netns ${name}`);
  }
  for (const { target } of listMounts()) if (target === directory) await unmount(target);
  await rm(directory, { force: true, recursive: true });
  return removed;
}

async function listOurLinks(config: EngineConfig): Promise<string[]> {
  const { bridge, table } = config.names;
  // Bridges of networks may be called anything, but bear our mark.
  return (await listLinks())
    .filter(({ name, alias }) => name === bridge || alias === table || isSandboxLink(config, name))
    .map(({ name }) => name);
}

async function removeLinks(ours: readonly string[]): Promise<string[]> {
  if (ours.length > 0) await tryIP(ours.map((name) => `link del dev ${name}`));
  await distrustBridges(ours);
  return ours.map((name) => `interface ${name}`);
}

async function removeTable(config: EngineConfig): Promise<string[]> {
  if (!(await listNftTables())?.includes(`inet ${config.names.table}`)) return [];
  await tryCommand("nft", ["delete", "table", "inet", config.names.table]);
  return [`nft table ${config.names.table}`];
}
