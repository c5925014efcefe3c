import { EngineError } from "../../errors.ts";
import type { PortRequest, TransportProtocol } from "../../protocol/ports.ts";
import type { HostConfigBody } from "./create-body.ts";

type Range = { readonly first: number; readonly last: number };
/** All that there are: tcp, udp and sctp. */
const mostPorts = 3 * 65_535;

/** docker's PortBindings: `{"80/tcp":[{"HostIp":"","HostPort":"8080-8090"}]}`. Fails in docker's words. */
export function toPorts(bindings: HostConfigBody["PortBindings"]): PortRequest[] {
  const ports: PortRequest[] = [];
  for (const [key, hosts] of Object.entries(bindings ?? {})) {
    const { range, protocol } = parsePort(key);
    for (const { HostIp, HostPort } of hosts ?? []) {
      ports.push(...bind(range, protocol, { address: HostIp, text: HostPort }));
      if (ports.length > mostPorts) throw tooMany();
    }
  }
  return ports;
}

/** Keys of docker's ExposedPorts, `80/tcp`, `80`, `8000-8010/udp`, to one `80/tcp` for each port. */
export function toExposed(keys: readonly string[]): string[] {
  const ports = new Set<string>();
  let looked = 0;
  for (const key of keys) {
    const { range, protocol } = parsePort(key);
    looked += range.last - range.first + 1;
    if (looked > mostPorts) throw tooMany();
    for (let port = range.first; port <= range.last; port++) ports.add(`${port}/${protocol}`);
  }
  return [...ports];
}

function bind(
  { first, last }: Range,
  protocol: TransportProtocol,
  { address: hostAddress, text }: { readonly address: string; readonly text: string },
): PortRequest[] {
  const host = text === "" || text === "0" ? null : parseRange(text, `Invalid hostPort: ${text}`);
  const count = last - first + 1;
  if (host !== null && count === 1 && host.last > host.first) {
    return [{ hostAddress, hostPort: host.first, hostPortLast: host.last, containerPort: first, protocol }];
  }
  if (host !== null && host.last - host.first + 1 !== count)
    throw invalid(`Invalid ranges: ${first}-${last} and ${text}`);
  return Array.from({ length: count }, (_, index) => ({
    hostAddress,
    hostPort: host === null ? null : host.first + index,
    containerPort: first + index,
    protocol,
  }));
}

function parsePort(key: string): { range: Range; protocol: TransportProtocol } {
  const [ports = "", protocol = "tcp", ...more] = key.toLowerCase().split("/");
  const isKnown = protocol === "tcp" || protocol === "udp" || protocol === "sctp";
  if (!isKnown || more.length > 0) throw invalid(`invalid port specification: ${JSON.stringify(key)}`);
  return { range: parseRange(ports, `invalid port specification: ${JSON.stringify(key)}`), protocol };
}

function parseRange(text: string, message: string): Range {
  const [, one = "", other = one] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(one), Number(other)];
  if (first < 1 || last > 65_535 || last < first) throw invalid(message);
  return { first, last };
}

function tooMany(): EngineError {
  return invalid(`more than ${mostPorts} ports are named`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
