import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { EngineConfig } from "../config.ts";
import { messageOf } from "../errors.ts";
import { tryCommand } from "../host/commands.ts";
import { listLinks, listNftTables, listRoutes } from "../host/network-tools.ts";
import { findByPidFile } from "../host/pid-file.ts";
import { findProgram } from "../host/programs.ts";
import { formatSubnet, overlaps, parseSubnet, type Subnet } from "../lib/ipv4.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";

/** What the engine's own table is made of, checked by nft and the kernel and not applied. */
const trialTable = `table inet gantry_doctor {
  map m { type inet_proto . inet_service : ipv4_addr . inet_service; }
  chain c {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local dnat ip addr . port to meta l4proto . th dport map @m
  }
}
`;

export async function checkNftables(): Promise<Finding> {
  const result = await tryCommand("nft", ["-c", "-f", "-"], { input: trialTable }).catch(() => null);
  if (result?.exitCode === 0) return ok("nftables", "maps, NAT and fib work");
  const said = result?.stderr.trim().split("\n")[0] ?? "nft is missing";
  return failed(
    "nftables",
    `rules are refused: ${said}`,
    "a kernel with nf_tables, nft_nat and nft_fib_inet is needed, and nftables 1.0 or later",
  );
}

/** In a netns that is gone with the program. */
export async function checkInterfaces(): Promise<Finding> {
  const lines = [
    "link add name bridge0 type bridge",
    "link add name veth0 type veth peer name veth1",
    "link set dev veth0 master bridge0",
  ];
  const result = await tryCommand("unshare", ["-n", "ip", "-batch", "-"], { input: `${lines.join("\n")}\n` }).catch(
    () => null,
  );
  if (result?.exitCode === 0) return ok("interfaces", "network namespaces, bridges and veth pairs work");
  const said = result?.stderr.trim().split("\n")[0] ?? "unshare is missing";
  return failed("interfaces", said, "a kernel with bridge and veth is needed; --network host works without");
}

export async function checkSubnet(config: EngineConfig): Promise<Finding> {
  try {
    const [links, routes] = await Promise.all([listLinks(), listRoutes()]);
    const { bridge } = config.names;
    // An engine that runs has its database for itself, and its bridge has the address.
    const [address] = links.find(({ name }) => name === bridge)?.addresses ?? [];
    const subnet = address === undefined ? readSubnet(config) : parseSubnet(address);
    if (subnet === null) return ok("subnet", "chosen at the first start, clear of the host's routes");
    const clash = [
      ...links
        .filter(({ name }) => name !== bridge)
        .flatMap(({ name, addresses }) => addresses.map((text) => ({ name, other: parseSubnet(text) }))),
      ...routes
        .filter(({ device }) => device !== bridge)
        .map(({ destination, device }) => ({ name: device ?? "a route", other: destination })),
    ].find(({ other }) => other !== null && overlaps(other, subnet));
    if (clash === undefined) return ok("subnet", `${formatSubnet(subnet)} on ${bridge}`);
    const detail = `${formatSubnet(subnet)} on ${bridge} clashes with ${clash.other === null ? "" : formatSubnet(clash.other)} on ${clash.name}`;
    return warning(
      "subnet",
      detail,
      `stop all containers and the engine, then: ip link del ${bridge}; the next start chooses another`,
    );
  } catch (error) {
    return warning("subnet", messageOf(error), null);
  }
}

function readSubnet(config: EngineConfig): Subnet | null {
  const path = join(config.root, "gantry.db");
  if (!existsSync(path)) return null;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database
      .prepare("SELECT json_extract(detail, '$.subnets[0].subnet') AS subnet FROM networks WHERE name = 'bridge'")
      .get();
    return typeof row?.subnet === "string" ? parseSubnet(row.subnet) : null;
  } finally {
    database.close();
  }
}

/** Other firewalls see every packet, too: one that drops what it does not know cuts containers off. */
export async function checkFirewalls(config: EngineConfig): Promise<Finding[]> {
  const tables = (await listNftTables()) ?? [];
  const findings: Finding[] = [];
  if (tables.includes("inet firewalld")) {
    const command = `firewall-cmd --permanent --zone=trusted --add-interface=${config.names.bridge} && firewall-cmd --reload`;
    findings.push(warning("firewalld", "it rejects forwarded packets of interfaces it does not know", command));
  }
  const others = tables.filter((table) => /^ip6? docker-bridges$/.test(table));
  if (others.length > 0) {
    findings.push(
      warning(
        "docker",
        "it filters by nftables itself and may drop forwarded packets",
        "set docker's firewall-backend to iptables, or its ip-forward-no-drop",
      ),
    );
  }
  const iptables = await checkIptables(tables);
  if (iptables !== null) findings.push(iptables);
  return findings.length > 0 ? findings : [ok("firewalls", "no other one drops forwarded packets")];
}

async function checkIptables(tables: readonly string[]): Promise<Finding | null> {
  const isInUse = tables.includes("ip filter") || textOf("/proc/net/ip_tables_names").split("\n").includes("filter");
  if (!isInUse || findProgram("iptables") === null) return null;
  const rules = (await tryCommand("iptables", ["-w", "5", "-S"])).stdout.split("\n");
  if (!rules.includes("-P FORWARD DROP")) return null;
  const chain = rules.includes("-N DOCKER-USER") ? "DOCKER-USER" : "FORWARD";
  return ok("iptables", `FORWARD drops by policy (docker, ufw): the engine admits its bridge in ${chain}`);
}

export function checkEngine(config: EngineConfig): Finding {
  const pid = findByPidFile(config.pidFile)?.pid;
  if (pid === undefined) return ok("engine", "not running; it starts with the first command");
  if (existsSync(config.socket)) return ok("engine", `running, pid ${pid}, ${config.socket}`);
  return failed(
    "engine",
    `running, pid ${pid}, but ${config.socket} is gone`,
    "stop it with its pid: containers go on; the next command starts another",
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
