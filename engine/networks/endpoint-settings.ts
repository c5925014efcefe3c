import { EngineError } from "../errors.ts";
import { formatRange, normalizeAddress, parseAddress, parseRange, rangeHas } from "../lib/ip-range.ts";
import type { EndpointSettings } from "../protocol/create-request.ts";
import { isPredefined, type NetworkRecord, subnetOf } from "./network-record.ts";

/**
 * Refuses what this network cannot give, with docker's words where it has any: `invalid-argument`. Gives the addresses in their one
 * spelling.
 */
export function checkSettings(
  network: NetworkRecord,
  settings: EndpointSettings,
): { readonly ipv4: string | undefined; readonly ipv6: string | undefined } {
  if (network.driver === "host" || network.driver === "null") {
    throw invalid(`a container cannot be connected to several networks, one of them ${network.name}`);
  }
  for (const alias of settings.aliases) {
    if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/.test(alias))
      throw invalid(`network alias ${JSON.stringify(alias)} is not valid`);
  }
  for (const link of settings.links ?? []) {
    if (!/^\/?[A-Za-z0-9_][A-Za-z0-9._-]*(:[A-Za-z0-9_-][A-Za-z0-9._-]{0,252})?$/.test(link))
      throw invalid(`link ${JSON.stringify(link.slice(0, 300))} is not of the form container:alias`);
  }
  for (const text of settings.linkLocalIPs ?? []) {
    if (!isLinkLocal(text)) throw invalid(`invalid link-local IP address ${JSON.stringify(text.slice(0, 80))}`);
  }
  checkMac(network, settings.macAddress);
  if (isPredefined(network)) refusePredefined(settings);
  return {
    ipv4: checkAddress(network, settings.ipv4Address, 4),
    ipv6: checkAddress(network, settings.ipv6Address, 6),
  };
}

/** RFC 3927, and RFC 4291, section 2.5.6. */
function isLinkLocal(text: string): boolean {
  const address = parseAddress(text);
  const range = address === null ? null : parseRange(address.family === 4 ? "169.254.0.0/16" : "fe80::/64");
  return address !== null && range !== null && rangeHas(range, address);
}

function refusePredefined({ aliases, ipv4Address, ipv6Address, linkLocalIPs = [] }: EndpointSettings): void {
  if (aliases.length > 0) {
    throw invalid("network-scoped alias is supported only for containers in user defined networks");
  }
  if (ipv4Address || ipv6Address || linkLocalIPs.length > 0) {
    throw invalid("user specified IP address is supported on user defined networks only");
  }
}

function checkAddress(network: NetworkRecord, text: string | undefined, family: 4 | 6): string | undefined {
  if (text === undefined || text === "") return undefined;
  const address = parseAddress(text);
  if (address?.family !== family) throw invalid(`${JSON.stringify(text)} is no IPv${family} address`);
  const subnet = subnetOf(network, family);
  if (subnet === null) throw invalid(`network ${network.name} has no IPv${family} subnet for address ${text}`);
  const first = subnet.range.base;
  const last = first + (1n << BigInt((family === 4 ? 32 : 128) - subnet.range.prefixLength)) - 1n;
  const isInside = address.value > first && (family === 4 ? address.value < last : address.value <= last);
  const known = normalizeAddress(text) ?? text;
  if (isInside && known !== subnet.gateway) return known;
  const why = known === subnet.gateway ? "is the gateway's" : `is no address of ${formatRange(subnet.range)}`;
  throw invalid(`address ${text} ${why} on network ${network.name}`);
}

/** Not of a group, nor nobody's. */
function checkMac(network: NetworkRecord, text: string | undefined): void {
  if (text === undefined || text === "") return;
  const isMac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text);
  const isUnicast = isMac && (Number.parseInt(text.slice(0, 2), 16) & 1) === 0 && !/^(00:){5}00$/.test(text);
  if (!isUnicast) throw invalid(`${JSON.stringify(text)} is no MAC address that a container can have`);
  if (network.driver === "ipvlan") throw invalid(`on ipvlan network ${network.name} all have the parent's MAC address`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
