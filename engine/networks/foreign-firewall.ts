import { readFile } from "node:fs/promises";
import type { EngineConfig } from "../config.ts";
import { tryCommand } from "../host/commands.ts";
import { listLinks, listNftTables } from "../host/network-tools.ts";
import { findProgram } from "../host/programs.ts";
import { bridgeNameOf } from "./network-record.ts";
import type { Network } from "./network-service.ts";

/**
 * Docker, ufw and others set the policy of iptables' FORWARD chain to drop; an accept in our own table does not override it, since
 * a packet must pass every base chain. So our bridges are admitted there: in DOCKER-USER, the chain that docker keeps for others, where
 * it exists, in FORWARD else. Rules bear the name of our table as comment. What they let through still has to pass our own table.
 */
export async function admitBridges(
  config: EngineConfig,
  networks: readonly Network[],
  tables: readonly string[],
): Promise<void> {
  await trustBridges(config, networks, tables);
  for (const family of families) {
    const bridges = networks.flatMap((network) => {
      const bridge = family === "ip6" && !network.enableIPv6 ? null : bridgeNameOf(config, network);
      return bridge === null ? [] : [bridge];
    });
    for (const program of await activePrograms(family, tables)) await admit(config, program, bridges);
  }
}

const families = ["ip", "ip6"] as const;
type Family = (typeof families)[number];

async function admit(config: EngineConfig, program: string, bridges: readonly string[]): Promise<void> {
  const rules = await listRules(program);
  const ours = rules.filter((rule) => isOurs(config, rule));
  const chain = bridges.length === 0 ? null : chainToEnter(rules);
  const dockerBridges = chain === null || bridges.length === 0 ? [] : await listDockerBridges();
  const wanted = chain === null ? [] : bridges.flatMap((bridge) => admittingRules(config, bridge, dockerBridges));
  const place = `-A ${chain} `;
  const isThere =
    ours.length === wanted.length &&
    ours.every((rule) => rule.startsWith(place)) &&
    bridges.every((one) => hasBridge(ours, one));
  // A host that lets everything through needs none, and an admin's own deny rules stay before those that are there already.
  if (isThere) return;
  // The new ones first, so that nobody is cut off in between; inserted at the head, so the last comes first.
  for (const rule of wanted.toReversed()) await tryCommand(program, ["-w", "5", "-I", chain ?? "", ...rule]);
  for (const rule of ours) await tryCommand(program, ["-w", "5", "-D", ...deletable(rule)]);
}

function hasBridge(rules: readonly string[], bridge: string): boolean {
  return rules.some((rule) => rule.includes(`-i ${bridge} `));
}

/** `-D` takes away the first that matches, which may be a new one of the same words: those are equal. */
function deletable(rule: string): string[] {
  return rule.split(" ").slice(1);
}

/** Takes these rules away again; gives the programs in whose tables there were any. */
export async function withdrawBridges(config: EngineConfig): Promise<string[]> {
  const changed: string[] = [];
  const tables = (await listNftTables()) ?? [];
  for (const family of families) {
    for (const program of await activePrograms(family, tables)) {
      const rules = (await listRules(program)).filter((rule) => isOurs(config, rule));
      for (const rule of rules) await tryCommand(program, ["-w", "5", "-D", ...deletable(rule)]);
      if (rules.length > 0) changed.push(program);
    }
  }
  return changed;
}

/** Null where iptables lets forwarded packets through anyway. */
function chainToEnter(rules: readonly string[]): "DOCKER-USER" | "FORWARD" | null {
  if (rules.includes("-N DOCKER-USER")) return "DOCKER-USER";
  return rules.includes("-P FORWARD DROP") ? "FORWARD" : null;
}

/** What docker's bridges receive is left to docker's own rules. */
function admittingRules(config: EngineConfig, bridge: string, dockerBridges: readonly string[]): string[][] {
  const comment = ["-m", "comment", "--comment", config.names.table];
  return [
    ["-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT", ...comment, "-j", "ACCEPT"],
    ["-i", bridge, "-o", bridge, ...comment, "-j", "ACCEPT"],
    ...dockerBridges.map((other) => ["-i", bridge, "-o", other, ...comment, "-j", "RETURN"]),
    ["-i", bridge, ...comment, "-j", "ACCEPT"],
  ];
}

async function listDockerBridges(): Promise<string[]> {
  return (await listLinks()).map(({ name }) => name).filter((name) => /^(docker\d+|br-[0-9a-f]{12})$/.test(name));
}

function isOurs(config: EngineConfig, rule: string): boolean {
  return rule.includes(` --comment ${config.names.table} `) || rule.includes(` --comment "${config.names.table}" `);
}

/**
 * firewalld rejects what is forwarded for interfaces of no zone, and forgets at a reload what was only told to the running one: so it is
 * told again. As docker does with a zone of its own.
 */
async function trustBridges(
  config: EngineConfig,
  networks: readonly Network[],
  tables: readonly string[],
): Promise<void> {
  if (!tables.includes("inet firewalld") || findProgram("firewall-cmd") === null) return;
  // What it says itself takes a Python program's time, its rules some milliseconds.
  const { stdout: rules } = await tryCommand("nft", ["list", "table", "inet", "firewalld"]);
  const missing = networks
    .flatMap((network) => bridgeNameOf(config, network) ?? [])
    .filter((name) => !isTrusted(rules, name));
  for (const name of missing) {
    const told = await tryCommand("firewall-cmd", ["--zone=trusted", `--change-interface=${name}`], {
      timeout: 30_000,
    });
    // It is starting, or about to end.
    if (told.exitCode !== 0) return;
  }
}

/** Has firewalld forget interfaces that are gone. */
export async function distrustBridges(names: readonly string[]): Promise<void> {
  if (names.length === 0 || !(await listNftTables())?.includes("inet firewalld")) return;
  const { stdout: rules } = await tryCommand("nft", ["list", "table", "inet", "firewalld"]);
  for (const name of names.filter((one) => isTrusted(rules, one))) {
    await tryCommand("firewall-cmd", ["--zone=trusted", `--remove-interface=${name}`], { timeout: 30_000 }).catch(
      () => {},
    );
  }
}

/** Rules of firewalld: `iifname "gantry0" goto filter_FWD_trusted`. */
export function isTrusted(rules: string, name: string): boolean {
  return (
    rules.includes(`iifname "${name}" goto filter_FWD_trusted`) ||
    rules.includes(`iifname "${name}" goto filter_FWDI_trusted`)
  );
}

/** iptables exists in two flavours with tables of their own; one is asked only where it is in use, since asking would load it. */
async function activePrograms(family: Family, tables: readonly string[]): Promise<string[]> {
  const [name, list] =
    family === "ip" ? ["iptables", "/proc/net/ip_tables_names"] : ["ip6tables", "/proc/net/ip6_tables_names"];
  const legacy = await readFile(list, "utf8").catch(() => "");
  const wanted = [
    ...(tables.includes(`${family} filter`) ? [[`${name}-nft`, name]] : []),
    ...(legacy.split("\n").includes("filter") ? [[`${name}-legacy`, name]] : []),
  ];
  const programs = wanted.map((names) => names.find((one) => findProgram(one) !== null));
  return [...new Set(programs.filter((program) => program !== undefined))];
}

async function listRules(program: string): Promise<string[]> {
  const result = await tryCommand(program, ["-w", "5", "-S"]);
  return result.exitCode === 0 ? result.stdout.split("\n").map((line) => line.trim()) : [];
}
