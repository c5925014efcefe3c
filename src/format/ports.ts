import type { PortBinding } from "../../engine/protocol/ports.ts";

type Run = { readonly first: PortBinding; length: number };

/**
 * What docker's `ps` shows as PORTS: `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`. Neighbours become one range, also where host and
 * container ports differ (docker does that only where they are the same): `0.0.0.0:9000-9002->80-82/tcp`.
 */
export function formatPorts(ports: readonly PortBinding[]): string {
  const runs: Run[] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const run = runs.at(-1);
    if (run !== undefined && continues(run, port)) run.length++;
    else runs.push({ first: port, length: 1 });
  }
  return runs
    .sort((a, b) => comparePlaces(a.first, b.first))
    .map(formatRun)
    .join(", ");
}

/** Ports of a container that nothing leads to, `80/tcp`; neighbours become one range: `7000-7002/tcp`. */
export function formatExposed(ports: readonly string[]): string[] {
  const numbered = ports.map((text) => ({
    number: Number.parseInt(text, 10),
    protocol: text.slice(text.indexOf("/")),
  }));
  const runs: { first: number; last: number; protocol: string }[] = [];
  for (const { number, protocol } of numbered.sort((a, b) => compare(a.protocol, b.protocol) || a.number - b.number)) {
    const run = runs.at(-1);
    if (run !== undefined && run.protocol === protocol && number === run.last + 1) run.last = number;
    else runs.push({ first: number, last: number, protocol });
  }
  return runs.map(({ first, last, protocol }) => `${first === last ? first : `${first}-${last}`}${protocol}`);
}

/** Ports of one address and protocol together, in order. */
function comparePorts(a: PortBinding, b: PortBinding): number {
  return (
    compare(a.hostAddress, b.hostAddress) ||
    compare(a.protocol, b.protocol) ||
    a.hostPort - a.containerPort - (b.hostPort - b.containerPort) ||
    a.containerPort - b.containerPort
  );
}

/** By the port in the container, then IPv4 before IPv6. */
function comparePlaces(a: PortBinding, b: PortBinding): number {
  return (
    a.containerPort - b.containerPort ||
    compare(a.protocol, b.protocol) ||
    Number(a.hostAddress.includes(":")) - Number(b.hostAddress.includes(":")) ||
    compare(a.hostAddress, b.hostAddress) ||
    a.hostPort - b.hostPort
  );
}

function continues({ first, length }: Run, port: PortBinding): boolean {
  return (
    port.hostAddress === first.hostAddress &&
    port.protocol === first.protocol &&
    port.containerPort === first.containerPort + length &&
    port.hostPort === first.hostPort + length
  );
}

function formatRun({ first, length }: Run): string {
  const { hostAddress, hostPort, containerPort, protocol } = first;
  const range = (from: number) => (length === 1 ? String(from) : `${from}-${from + length - 1}`);
  return `${formatAddress(hostAddress)}:${range(hostPort)}->${range(containerPort)}/${protocol}`;
}

function formatAddress(address: string): string {
  if (address === "") return "0.0.0.0";
  return address.includes(":") ? `[${address}]` : address;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
