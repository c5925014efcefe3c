import { readFile } from "node:fs/promises";
import type { EngineConfig } from "../config.ts";
import { tryCommand } from "../host/commands.ts";
import { listLinks, listNftTables } from "../host/network-tools.ts";
import { findProgram } from "../host/programs.ts";

/**
 * Docker, ufw and others set the policy of iptables' FORWARD chain to drop; an accept in our own table does not override it, since
 * a packet must pass every base chain. So our bridge is admitted there: in DOCKER-USER, the chain that docker keeps for others, where
 * it exists, in FORWARD else. Rules bear the name of our table as comment.
 */
export async function admitBridge(config: EngineConfig, tables: readonly string[]): Promise<void> {
  for (const program of await activePrograms(tables)) {
    const rules = await listRules(program);
    const chain = chainToEnter(rules);
    if (chain === null || rules.some((rule) => isOurs(config, rule) && rule.startsWith(`-A ${chain} `))) continue;
    const dockerBridges = (await listLinks()).map(({ name }) => name).filter(isDockerBridge);
    // Inserted at the head, so the last comes first.
    for (const rule of admittingRules(config, dockerBridges).reverse()) {
      await tryCommand(program, ["-w", "5", "-I", chain, ...rule]);
    }
  }
}

/** Takes these rules away again; gives the programs in whose tables there were any. */
export async function withdrawBridge(config: EngineConfig): Promise<string[]> {
  const changed: string[] = [];
  for (const program of await activePrograms((await listNftTables()) ?? [])) {
    const rules = (await listRules(program)).filter((rule) => isOurs(config, rule));
    for (const rule of rules) await tryCommand(program, ["-w", "5", "-D", ...rule.split(" ").slice(1)]);
    if (rules.length > 0) changed.push(program);
  }
  return changed;
}

/** Null where iptables lets forwarded packets through anyway. */
function chainToEnter(rules: readonly string[]): "DOCKER-USER" | "FORWARD" | null {
  if (rules.includes("-N DOCKER-USER")) return "DOCKER-USER";
  return rules.includes("-P FORWARD DROP") ? "FORWARD" : null;
}

/** What docker's bridges receive is left to docker's own rules. */
function admittingRules(config: EngineConfig, dockerBridges: readonly string[]): string[][] {
  const { bridge, table } = config.names;
  const comment = ["-m", "comment", "--comment", table];
  return [
    ["-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT", ...comment, "-j", "ACCEPT"],
    ["-i", bridge, "-o", bridge, ...comment, "-j", "ACCEPT"],
    ...dockerBridges.map((other) => ["-i", bridge, "-o", other, ...comment, "-j", "RETURN"]),
    ["-i", bridge, ...comment, "-j", "ACCEPT"],
  ];
}

function isDockerBridge(name: string): boolean {
  return /^(docker\d+|br-[0-9a-f]{12})$/.test(name);
}

function isOurs(config: EngineConfig, rule: string): boolean {
  return rule.includes(` --comment ${config.names.table} `) || rule.includes(` --comment "${config.names.table}" `);
}

/** iptables exists in two flavours with tables of their own; one is asked only where it is in use, since asking would load it. */
async function activePrograms(tables: readonly string[]): Promise<string[]> {
  const legacy = await readFile("/proc/net/ip_tables_names", "utf8").catch(() => "");
  const wanted = [
    ...(tables.includes("ip filter") ? [["iptables-nft", "iptables"]] : []),
    ...(legacy.split("\n").includes("filter") ? [["iptables-legacy", "iptables"]] : []),
  ];
  const programs = wanted.map((names) => names.find((name) => findProgram(name) !== null));
  return [...new Set(programs.filter((program) => program !== undefined))];
}

async function listRules(program: string): Promise<string[]> {
  const result = await tryCommand(program, ["-w", "5", "-S"]);
  return result.exitCode === 0 ? result.stdout.split("\n").map((line) => line.trim()) : [];
}
