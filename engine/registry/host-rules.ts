import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { EngineError } from "../errors.ts";
import { isNetwork, isProxy, proxyURL, type RegistrySettings } from "./registry-settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** `host` without its port and without the brackets of an IPv6 address. */
export function hostnameOf(host: string): string {
  return host
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
}

const inward = new BlockList();
inward.addSubnet("127.0.0.0", 8, "ipv4");
inward.addSubnet("0.0.0.0", 8, "ipv4");
inward.addSubnet("169.254.0.0", 16, "ipv4");
inward.addAddress("::", "ipv6");
inward.addAddress("::1", "ipv6");
inward.addSubnet("fe80::", 10, "ipv6");

/** True where a server at `from` names an address that only this host or its link has: a cloud's metadata, a service that trusts localhost. */
export function leadsInwards(to: string, from: string): boolean {
  const hostname = hostnameOf(to);
  if (hostname === hostnameOf(from) || isLoopback(from)) return false;
  return hostname === "localhost" || hostname.endsWith(".localhost") || contains(inward, hostname);
}

export function isLoopback(host: string): boolean {
  const hostname = hostnameOf(host);
  return hostname === "localhost" || contains(loopback, hostname);
}

/**
 * True for a registry (`host` or `host:port`) that may speak http and whose certificate is not checked: one on this host, or one
 * listed. A name counts for a listed network only if each of its addresses lies in one.
 */
export async function isInsecureHost(host: string, settings: RegistrySettings): Promise<boolean> {
  const hostname = hostnameOf(host);
  if (isLoopback(host)) return true;
  const listed = settings.insecure.filter((entry) => !isNetwork(entry));
  if (listed.includes(host.toLowerCase()) || listed.some((entry) => entry === hostname)) return true;
  const networks = listOf(settings.insecure.filter(isNetwork));
  if (networks === null) return false;
  if (isIP(hostname) !== 0) return contains(networks, hostname);
  const addresses = await lookup(hostname, { all: true }).catch(() => []);
  return addresses.length > 0 && addresses.every(({ address }) => contains(networks, address));
}

/**
 * URL of the proxy for a request, or null for none; the rules are those of Go's programs, so of docker's (x/net/http/httpproxy).
 * Fails with `failed-precondition` for a variable that holds no address.
 */
export function findProxy(url: URL, settings: RegistrySettings, environment: Environment): string | null {
  const [setting, variable] =
    url.protocol === "https:" ? [settings.proxies.https, "HTTPS_PROXY"] : [settings.proxies.http, "HTTP_PROXY"];
  const proxy = setting ?? readVariable(environment, variable);
  if (proxy === "" || isLoopback(url.host)) return null;
  if (!isProxy(proxy)) {
    throw new EngineError(
      "failed-precondition",
      `the engine's variable ${variable} holds no address of an http proxy`,
      {
        hint: `set it to something like http://proxy.example:3128 and start the engine anew`,
      },
    );
  }
  const exceptions = settings.proxies.no ?? readVariable(environment, "NO_PROXY");
  return isException(url, exceptions) ? null : proxyURL(proxy);
}

function readVariable(environment: Environment, name: string): string {
  return environment[name] || environment[name.toLowerCase()] || "";
}

function isException(url: URL, exceptions: string): boolean {
  const target = {
    hostname: hostnameOf(url.hostname),
    port: url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port,
  };
  return exceptions.split(",").some((entry) => isMeant(target, entry.trim().toLowerCase()));
}

/** Entries: `*`, an address, a network, `example.com` (with all below it), `.example.com` (only those below), each with or without port. */
function isMeant(target: { readonly hostname: string; readonly port: string }, entry: string): boolean {
  if (entry === "*") return true;
  const { hostname } = target;
  if (isNetwork(entry)) return contains(listOf([entry]) ?? loopback, hostname);
  if (isIP(entry) !== 0) return hostname === entry;
  const port = /:(\d+)$/.exec(entry)?.[1];
  const name = hostnameOf(entry).replace(/^\*(?=\.)/, "");
  if (name === "" || (port !== undefined && port !== target.port)) return false;
  if (name.startsWith(".")) return hostname.endsWith(name);
  return hostname === name || (isIP(name) === 0 && hostname.endsWith(`.${name}`));
}

/** Null where there is none, so that no name need be looked up. */
function listOf(networks: readonly string[]): BlockList | null {
  if (networks.length === 0) return null;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/");
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}
