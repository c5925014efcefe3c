import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { EngineError } from "../errors.ts";

export type HostsOptions = {
  readonly hostname: string;
  /** The container's addresses. */
  readonly ipAddresses: readonly string[];
  /** What `host-gateway` stands for; null: the host shares its loopback, or cannot be reached. */
  readonly gateway: string | null;
  /** `--add-host`; the address may be `host-gateway`. */
  readonly extraHosts: readonly { readonly name: string; readonly address: string }[];
};

export type ResolverOptions = {
  /** `--dns`, `--dns-search`, `--dns-option`: what is given replaces the host's. A search of `.` means none. */
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** True for network `host`: its loopback is the container's, so nothing is left out. */
  readonly sharesHostNetwork: boolean;
  /** The one that answers for containers' names, and passes other questions on; null: there is none. */
  readonly resolver: string | null;
};

const localLines = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** docker's, where nothing else is known. */
export const fallbackNameservers = ["8.8.8.8", "8.8.4.4"];

/** Text of /etc/hostname. */
export function formatHostname(hostname: string): string {
  checkName(hostname, "hostname");
  return `${hostname}\n`;
}

/** Text of /etc/hosts (hosts(5)), in docker's order. Fails with `invalid-argument` for a name or address that is none. */
export function formatHosts(options: HostsOptions): string {
  checkName(options.hostname, "hostname");
  const extra = options.extraHosts.map(({ name, address }) => {
    checkName(name, "--add-host");
    const resolved = address === "host-gateway" ? (options.gateway ?? "127.0.0.1") : address;
    if (isIP(resolved) === 0) throw invalid(`--add-host ${name}: ${JSON.stringify(address)} is no IP address`);
    return `${resolved}\t${name}`;
  });
  const addresses = options.ipAddresses.length === 0 ? ["127.0.1.1"] : options.ipAddresses;
  const own = addresses.map((address) => formatOwnLine(address, options.hostname));
  return [...localLines, ...extra, ...own, ""].join("\n");
}

function formatOwnLine(address: string, hostname: string): string {
  const short = hostname.split(".")[0] ?? "";
  return `${address}\t${short === hostname || short === "" ? hostname : `${hostname} ${short}`}`;
}

/** The text of a hosts file that a container may have changed itself, with our lines for other addresses. */
export function replaceOwnLines(
  text: string,
  hostname: string,
  { before, after }: { readonly before: readonly string[]; readonly after: readonly string[] },
): string {
  const gone = new Set([...before, ...after].map((address) => formatOwnLine(address, hostname)));
  const lines = text.split("\n").filter((line) => !gone.has(line));
  while (lines.at(-1) === "") lines.pop();
  return [...lines, ...after.map((address) => formatOwnLine(address, hostname)), ""].join("\n");
}

/**
 * Text of /etc/resolv.conf (resolv.conf(5)) from the host's. A nameserver on the host's loopback cannot be reached from another
 * netns, nor can one by IPv6 from our bridge: they are left out, and where none is left public ones stand in.
 */
export function formatResolvConf(hostText: string, options: ResolverOptions): string {
  const host = parseResolvConf(hostText);
  const search = options.dnsSearch.length > 0 ? options.dnsSearch.filter((domain) => domain !== ".") : host.search;
  const asked = options.dnsOptions.length > 0 ? options.dnsOptions : host.options;
  // A container's name has no dot, and is to be asked for as it is.
  const hasDots = asked.some((option) => option.startsWith("ndots:"));
  const resolverOptions = options.resolver === null || hasDots ? asked : [...asked, "ndots:0"];
  for (const address of options.dns) {
    if (isIP(address) === 0) throw invalid(`--dns ${JSON.stringify(address)} is no IP address`);
  }
  for (const word of [...options.dnsSearch, ...options.dnsOptions]) checkWord(word);
  return [
    ...chooseNameservers(host.nameservers, options).map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(resolverOptions.length > 0 ? [`options ${resolverOptions.join(" ")}`] : []),
    "",
  ].join("\n");
}

/** Where the host's resolvers are written: systemd-resolved lists only itself in /etc/resolv.conf and the real ones elsewhere. */
export function resolvConfPath(etcText: string): string {
  const { nameservers } = parseResolvConf(etcText);
  const isStub = nameservers.length > 0 && nameservers.every((address) => address === "127.0.0.53");
  return isStub ? "/run/systemd/resolve/resolv.conf" : "/etc/resolv.conf";
}

/** The host's resolv.conf as it is now; empty where there is none. */
export async function readHostResolvConf(): Promise<string> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const path = resolvConfPath(text);
  return path === "/etc/resolv.conf" ? text : readFile(path, "utf8").catch(() => text);
}

function chooseNameservers(host: readonly string[], options: ResolverOptions): readonly string[] {
  if (options.resolver !== null) return [options.resolver];
  if (options.dns.length > 0) return options.dns;
  if (options.sharesHostNetwork) return host;
  const reachable = host.filter((address) => isIP(address) === 4 && !address.startsWith("127."));
  return reachable.length > 0 ? reachable : fallbackNameservers;
}

/** Addresses of the servers that a resolv.conf(5) names. */
export function parseNameservers(text: string): string[] {
  return parseResolvConf(text).nameservers.filter((address) => isIP(address) !== 0);
}

function parseResolvConf(text: string) {
  const lines = text.split("\n").map((line) =>
    line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/),
  );
  const valuesOf = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...values]) => values);
  // The last `search` or `domain` counts, each `options` adds.
  const search = lines.filter(([first]) => first === "search" || first === "domain").at(-1) ?? [];
  return {
    nameservers: valuesOf("nameserver").flatMap(([address]) => (address === undefined ? [] : [address])),
    search: search.slice(1),
    options: valuesOf("options").flat(),
  };
}

/** A line break or blank in a name would write lines of its own into the file. */
function checkName(name: string, what: string): void {
  if (/^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$/.test(name)) return;
  throw invalid(`${what} ${JSON.stringify(name)} is no host name`);
}

function checkWord(word: string): void {
  if (/^[\x21-\x7e]+$/.test(word)) return;
  throw invalid(`${JSON.stringify(word)} cannot stand in resolv.conf`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, {
    hint: "letters, digits, dots, dashes and underscores are allowed",
  });
}
