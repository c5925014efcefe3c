import { isIP } from "node:net";
import type { PortRequest, TransportProtocol } from "../../../engine/protocol/ports.ts";
import { UsageError } from "./usage-error.ts";

type Range = { readonly first: number; readonly last: number };

/**
 * `[address:][hostPort[-hostPort]:]containerPort[-containerPort][/tcp|udp|sctp]` as docker's `-p`; an IPv6 address stands in
 * brackets. Without a host port the engine picks one, and of a range for a single container port the first that is free.
 */
export function parsePort(text: string): PortRequest[] {
  const slash = text.lastIndexOf("/");
  const protocol = parseProtocol(text, slash === -1 ? "tcp" : text.slice(slash + 1));
  const { address, host, container } = splitParts(text, slash === -1 ? text : text.slice(0, slash));
  const containerRange = parseRange(text, container);
  const hostRange = host === "" || host === "0" ? null : parseRange(text, host);
  const count = containerRange.last - containerRange.first + 1;
  if (hostRange !== null && count === 1 && hostRange.last > hostRange.first) {
    const { first: hostPort, last: hostPortLast } = hostRange;
    return [{ hostAddress: address, hostPort, hostPortLast, containerPort: containerRange.first, protocol }];
  }
  if (hostRange !== null && hostRange.last - hostRange.first + 1 !== count) {
    throw new UsageError(`invalid port "${text}": host and container ranges differ in length`);
  }
  return Array.from({ length: count }, (_, index) => ({
    hostAddress: address,
    hostPort: hostRange === null ? null : hostRange.first + index,
    containerPort: containerRange.first + index,
    protocol,
  }));
}

/** `--expose port[-port][/protocol]` to `80/tcp`. */
export function parseExposed(text: string): string[] {
  return parsePort(text).map(({ hostPort, containerPort, protocol }) => {
    if (hostPort === null && !text.includes(":")) return `${containerPort}/${protocol}`;
    throw new UsageError(`invalid --expose "${text}": want port[-port][/protocol]`);
  });
}

function parseProtocol(text: string, name: string): TransportProtocol {
  const lower = name.toLowerCase();
  if (lower === "tcp" || lower === "udp" || lower === "sctp") return lower;
  throw new UsageError(`invalid port "${text}": unknown protocol "${name}", want tcp, udp or sctp`);
}

function splitParts(text: string, ports: string): { address: string; host: string; container: string } {
  const bracketed = /^\[(?<address>[^\]]*)\]:(?<rest>.*)$/.exec(ports)?.groups;
  const parts = (bracketed?.rest ?? ports).split(":");
  const container = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  const address = bracketed?.address ?? parts.pop() ?? "";
  if (parts.length > 0) {
    throw new UsageError(`invalid port "${text}": want [address:][hostPort:]containerPort[/protocol]`);
  }
  if (address !== "" && isIP(address) === 0) {
    throw new UsageError(`invalid port "${text}": "${address}" is not an IP address`);
  }
  return { address, host, container };
}

function parseRange(text: string, range: string): Range {
  const [first, last = first, ...more] = range.split("-").map((port) => parsePortNumber(text, port));
  if (first === undefined || last === undefined || more.length > 0 || last < first) {
    throw new UsageError(`invalid port "${text}": "${range}" is not a range of ports`);
  }
  return { first, last };
}

function parsePortNumber(text: string, port: string): number {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) throw new UsageError(`invalid port "${text}": "${port}" is not a port (1-65535)`);
  return number;
}
