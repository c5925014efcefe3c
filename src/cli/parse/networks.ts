import { isIPv4, isIPv6 } from "node:net";
import type { CreateRequest, EndpointSettings } from "../../../engine/protocol/create-request.ts";
import { splitCsv } from "./csv.ts";
import { parseInteger } from "./sizes.ts";
import { refused, UsageError } from "./usage-error.ts";

export type NetworkFlags = {
  readonly network?: readonly string[];
  readonly net?: readonly string[];
  readonly networkAlias?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
};

type Attachment = { readonly network: string; readonly settings: EndpointSettings; readonly priority: number };

export const noSettings: EndpointSettings = { aliases: [] };

/**
 * `--network`, several times, as a name or in the long form `name=…,alias=…,ip=…`; the flags for a single network belong to the first.
 * The default route goes through the one of the highest `gw-priority`, or the first.
 */
export function parseNetworks(flags: NetworkFlags): Pick<CreateRequest, "network" | "endpoints"> {
  const texts = [...(flags.network ?? []), ...(flags.net ?? [])];
  const [first = { network: "bridge", settings: noSettings, priority: 0 }, ...others] = texts.map(parseAttachment);
  const attachments = [{ ...first, settings: withFlags(first.settings, flags) }, ...others];
  checkModes(attachments);
  const main = attachments.reduce((best, one) => (one.priority > best.priority ? one : best));
  const told = attachments.filter(({ settings }) => attachments.length > 1 || !isEmpty(settings));
  return {
    network: main.network,
    endpoints: Object.fromEntries(told.map(({ network, settings }) => [network, settings])),
  };
}

/** `web`, or one CSV record of `name=web,alias=a,alias=b,ip=…,ip6=…,mac-address=…,gw-priority=…`. */
function parseAttachment(text: string): Attachment {
  if (!text.includes("=")) return { network: parseMode(text), settings: noSettings, priority: 0 };
  let network = "";
  let priority = 0;
  let settings = noSettings;
  for (const field of splitCsv(text)) {
    const [, key = "", value = ""] = /^([^=]*)=(.*)$/s.exec(field.trim()) ?? [];
    if (key === "name") network = parseMode(value);
    else if (key === "gw-priority") priority = parseInteger("gw-priority", value);
    else settings = withField(settings, text, { key: key.toLowerCase(), value: value.trim() });
  }
  if (network === "") throw new UsageError(`invalid --network "${text}": name=… is missing`);
  return { network, settings, priority };
}

function withField(
  settings: EndpointSettings,
  text: string,
  { key, value }: { readonly key: string; readonly value: string },
): EndpointSettings {
  switch (key) {
    case "alias":
      return { ...settings, aliases: [...settings.aliases, value] };
    case "ip":
      return { ...settings, ipv4Address: parseIPv4("ip", value) };
    case "ip6":
      return { ...settings, ipv6Address: parseIPv6("ip6", value) };
    case "mac-address":
      return { ...settings, macAddress: parseMacAddress(value) };
    case "driver-opt":
    case "link-local-ip":
      throw new UsageError(`invalid --network "${text}": ${key} is not supported`);
    default:
      throw new UsageError(
        `invalid --network "${text}": unknown field "${key}", want name, alias, ip, ip6, mac-address or gw-priority`,
      );
  }
}

/** `--ip`, `--ip6`, `--mac-address` and `--network-alias` or `--alias`, which must not contradict what the network itself says. */
export function withFlags(settings: EndpointSettings, flags: NetworkFlags): EndpointSettings {
  const { networkAlias = [], ip, ip6, macAddress } = flags;
  refuseBoth("--network-alias", networkAlias.length > 0 && settings.aliases.length > 0);
  refuseBoth("--ip", ip !== undefined && settings.ipv4Address !== undefined);
  refuseBoth("--ip6", ip6 !== undefined && settings.ipv6Address !== undefined);
  refuseBoth("--mac-address", macAddress !== undefined && settings.macAddress !== undefined);
  return {
    ...settings,
    aliases: [...settings.aliases, ...networkAlias],
    ...(ip === undefined ? {} : { ipv4Address: parseIPv4("--ip", ip) }),
    ...(ip6 === undefined ? {} : { ipv6Address: parseIPv6("--ip6", ip6) }),
    ...(macAddress === undefined ? {} : { macAddress: parseMacAddress(macAddress) }),
  };
}

function refuseBoth(flag: string, areBoth: boolean): void {
  if (areBoth) throw new UsageError(`conflicting options: ${flag} and the same of the network in --network`);
}

/** Only networks of addresses of their own can be several, and have settings. */
function checkModes(attachments: readonly Attachment[]): void {
  const names = attachments.map(({ network }) => network);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`network "${twice}" is specified multiple times`);
  const mode = names.find((name) => name === "none" || name === "host" || name.startsWith("container:"));
  if (mode === undefined) return;
  if (names.length > 1) throw new UsageError(`conflicting options: network ${mode} and other networks`);
  if (attachments.every(({ settings }) => isEmpty(settings))) return;
  throw new UsageError(`conflicting options: network ${mode} has no addresses and no aliases of its own`);
}

function isEmpty(settings: EndpointSettings): boolean {
  const { aliases, ...addresses } = settings;
  return aliases.length === 0 && Object.keys(addresses).length === 0;
}

function parseMode(text: string): string {
  if (text === "" || text === "default") return "bridge";
  if (text === "container:") throw new UsageError("invalid --network container: the name of the container is missing");
  return text;
}

function parseIPv4(flag: string, text: string): string {
  if (isIPv4(text)) return text;
  throw refused(`invalid ${flag} "${text}": want an IPv4 address`);
}

function parseIPv6(flag: string, text: string): string {
  if (isIPv6(text)) return text;
  throw refused(`invalid ${flag} "${text}": want an IPv6 address`);
}

function parseMacAddress(text: string): string {
  if (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return text.toLowerCase().replaceAll("-", ":");
  throw new UsageError(`invalid MAC address "${text}": want six bytes such as 92:d0:c6:0a:29:33`);
}
