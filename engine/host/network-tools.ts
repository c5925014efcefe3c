import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { parseSubnet, type Subnet } from "../lib/ipv4.ts";
import { runCommand, tryCommand } from "./commands.ts";

/** An interface of the host as ip-address(8) tells. */
export type HostLink = {
  readonly name: string;
  readonly mtu: number;
  readonly isUp: boolean;
  /** Bridge it is a port of, or null. */
  readonly master: string | null;
  /** IPv4 only, as written: `192.0.2.2/24`. */
  readonly addresses: readonly string[];
  /** IPv6, without those of the link. */
  readonly addresses6: readonly string[];
  /** What somebody noted down with it (`ip link set alias`), or empty. */
  readonly alias: string;
};

export type HostRoute = {
  /** Null: the default route. */
  readonly destination: Subnet | null;
  readonly device: string | null;
};

const linkList = z.array(
  z.object({
    ifname: z.optional(z.string()),
    mtu: z.optional(z.number()),
    master: z.optional(z.string()),
    flags: z.optional(z.array(z.string())),
    ifalias: z.optional(z.string()),
    addr_info: z.optional(
      z.array(z.object({ family: z.string(), local: z.optional(z.string()), prefixlen: z.optional(z.number()) })),
    ),
  }),
);
const routeList = z.array(
  z.object({ dst: z.optional(z.string()), dev: z.optional(z.string()), type: z.optional(z.string()) }),
);

export async function listLinks(): Promise<HostLink[]> {
  // Aliases are told with -d only.
  const links = parseOutput(linkList, await runCommand("ip", ["-d", "-j", "address", "show"]), "ip address");
  return links.flatMap((link): HostLink[] => {
    if (link.ifname === undefined) return [];
    const infos = (link.addr_info ?? []).filter(({ local }) => local !== undefined);
    const addresses = infos.filter(({ family }) => family === "inet").map((info) => formatInfo(info, 32));
    const addresses6 = infos
      .filter(({ family, local }) => family === "inet6" && !/^fe[89ab]/i.test(local ?? ""))
      .map((info) => formatInfo(info, 128));
    const isUp = link.flags?.includes("UP") ?? false;
    const { ifname: name, mtu = 1500, master = null, ifalias: alias = "" } = link;
    return [{ name, mtu, isUp, master, addresses, addresses6, alias }];
  });
}

/** Interfaces that IPv6 leaves this host by. */
export async function listDefaultDevices6(): Promise<string[]> {
  const result = await tryCommand("ip", ["-j", "-6", "route", "show", "default"]);
  if (result.exitCode !== 0) return [];
  const devices = parseOutput(routeList, result.stdout, "ip route").map(({ dev }) => dev);
  return [...new Set(devices.filter((device) => device !== undefined))];
}

function formatInfo(info: { local?: string | undefined; prefixlen?: number | undefined }, bits: number): string {
  return `${info.local}/${info.prefixlen ?? bits}`;
}

/** IPv6 destinations with their interface, of all tables, without those of links and of the host itself. */
export async function listRoutes6(): Promise<{ destination: string; device: string }[]> {
  const result = await tryCommand("ip", ["-j", "-6", "route", "show", "table", "all"]);
  if (result.exitCode !== 0) return [];
  return parseOutput(routeList, result.stdout, "ip route").flatMap(({ dst = "", dev = "", type = "unicast" }) =>
    type !== "unicast" || dst === "default" || /^(fe[89ab]|ff)/i.test(dst) ? [] : [{ destination: dst, device: dev }],
  );
}

/** IPv4 routes of all tables but the local one: policy routing (VPNs) keeps its routes in tables of its own. */
export async function listRoutes(): Promise<HostRoute[]> {
  const output = await runCommand("ip", ["-j", "-4", "route", "show", "table", "all"]);
  const routes = parseOutput(routeList, output, "ip route");
  return routes.flatMap((route): HostRoute[] => {
    if (route.dst === "default") return [{ destination: null, device: route.dev ?? null }];
    const destination = parseSubnet(route.dst ?? "");
    return destination === null ? [] : [{ destination, device: route.dev ?? null }];
  });
}

/** MTU of the interface of the default route, 1500 where there is none. */
export function defaultMTU(links: readonly HostLink[], routes: readonly HostRoute[]): number {
  const device = routes.find((route) => route.destination === null)?.device;
  return links.find((link) => link.name === device)?.mtu ?? 1500;
}

/** Runs lines of ip(8) in one process (`ip -batch`), in the engine's netns. */
export async function runIP(lines: readonly string[]): Promise<void> {
  await runCommand("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** The same, going on after a line that fails: for taking away what may be gone. */
export async function tryIP(lines: readonly string[]): Promise<void> {
  await tryCommand("ip", ["-force", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Applies an nftables script as one transaction: all of it or nothing. */
export async function runNft(script: string): Promise<void> {
  await runCommand("nft", ["-f", "-"], { input: script });
}

/** The same in the netns bound to a file. */
export async function runNftInside(netnsPath: string, script: string): Promise<void> {
  await runCommand("nsenter", [`--net=${netnsPath}`, "nft", "-f", "-"], { input: script });
}

/** Names of all tables as `family name`, or null where nf_tables does not work. */
export async function listNftTables(): Promise<string[] | null> {
  const result = await tryCommand("nft", ["list", "tables"]).catch(() => null);
  if (result === null || result.exitCode !== 0) return null;
  return result.stdout
    .split("\n")
    .map((line) => line.replace(/^table /, "").trim())
    .filter((line) => line !== "");
}

function parseOutput<T>(schema: z.ZodMiniType<T>, output: string, what: string): T {
  try {
    return z.parse(schema, JSON.parse(output === "" ? "[]" : output));
  } catch (error) {
    throw new EngineError("internal", `${what}: its output cannot be read`, {
      cause: error,
      hint: "iproute2 4.16 or later is needed: update the package",
    });
  }
}
