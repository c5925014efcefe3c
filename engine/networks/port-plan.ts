import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { EngineError } from "../errors.ts";
import { findSocketOwner, type Listener, readListeners } from "../host/socket-table.ts";
import { parseIPv4 } from "../lib/ipv4.ts";
import type { PortBinding, PortRequest } from "../protocol/ports.ts";
import { addressesClash, type EndpointTable } from "./endpoint-table.ts";
import { anyAddress } from "./ruleset.ts";

/** What stands in the way of a port besides containers of this engine. */
export type PortSurroundings = {
  readonly listeners: readonly Listener[];
  /** Published by other engines' nft tables, which have no socket. */
  readonly foreign: readonly ForeignPort[];
  /** Where ports are picked from: the kernel's own range for the like. */
  readonly range: readonly [first: number, last: number];
};

export type ForeignPort = {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly table: string;
};

type Owner =
  | { readonly kind: "container"; readonly name: string }
  | { readonly kind: "socket"; readonly inode: string }
  | { readonly kind: "engine"; readonly table: string };

/** A port that cannot be had: turned into an error by describeConflict, which may look for the process. */
export class PortConflict extends Error {
  readonly binding: PortBinding;
  readonly owner: Owner;

  constructor(binding: PortBinding, owner: Owner) {
    super(`port ${binding.hostPort}/${binding.protocol} is taken`);
    this.binding = binding;
    this.owner = owner;
  }
}

const defaultRange = [32768, 60999] as const;

export async function readSurroundings(
  ports: readonly PortRequest[],
  foreign: readonly ForeignPort[],
): Promise<PortSurroundings> {
  const [listeners, text] = await Promise.all([
    readListeners(new Set(ports.map(({ protocol }) => protocol))),
    readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => ""),
  ]);
  const [first, last] = text.trim().split(/\s+/).map(Number);
  const isRange = first !== undefined && last !== undefined && first > 0 && last >= first;
  return { listeners, foreign, range: isRange ? [first, last] : defaultRange };
}

/** Checks the addresses of port requests. Fails with `invalid-argument` or, for IPv6, `unimplemented`. */
export function checkHostAddresses(ports: readonly PortRequest[]): void {
  for (const { hostAddress } of ports) {
    if (hostAddress === "" || hostAddress === anyAddress) continue;
    if (isIPv6(hostAddress)) {
      throw new EngineError("unimplemented", `publish on ${hostAddress}: IPv6 addresses cannot be published on yet`, {
        hint: "give an IPv4 address of this host, or none for all of them",
      });
    }
    const address = parseIPv4(hostAddress);
    if (address === null) {
      throw new EngineError("invalid-argument", `publish on ${hostAddress}: that is no IP address`, {
        hint: "write ADDRESS:HOSTPORT:CONTAINERPORT, for instance 127.0.0.1:8080:80",
      });
    }
    if (address >>> 24 === 127 || hasAddress(hostAddress)) continue;
    throw new EngineError("failed-precondition", `publish on ${hostAddress}: this host does not have that address`, {
      hint: "`ip address` shows the addresses of this host",
    });
  }
}

function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((infos) => infos?.some((info) => info.address === address));
}

/** Ports of one container, found by number: a range may have thousands. */
class PlannedPorts {
  readonly bindings: PortBinding[] = [];
  readonly #addresses = new Map<string, string[]>();

  add(binding: PortBinding): void {
    this.bindings.push(binding);
    const key = keyOf(binding);
    this.#addresses.set(key, [...(this.#addresses.get(key) ?? []), binding.hostAddress]);
  }

  has(binding: PortBinding): boolean {
    return this.#addresses.get(keyOf(binding))?.some((other) => addressesClash(other, binding.hostAddress)) ?? false;
  }
}

function keyOf({ protocol, hostPort }: PortBinding): string {
  return `${hostPort}/${protocol}`;
}

/**
 * Gives each request its host port, in order; the same port asked for twice by one container is refused, too. Synchronous, so that
 * nobody takes a port between this and the claim in the table. Throws PortConflict.
 */
export class PortPlanner {
  readonly #table: EndpointTable;
  #next = 0;

  constructor(table: EndpointTable) {
    this.#table = table;
  }

  plan(ports: readonly PortRequest[], surroundings: PortSurroundings): PortBinding[] {
    const planned = new PlannedPorts();
    for (const port of ports) {
      const { hostPort, hostPortLast, ...others } = port;
      const request = { ...others, hostAddress: port.hostAddress === "" ? anyAddress : port.hostAddress };
      if (hostPort === null) planned.add(this.#pick(request, surroundings, planned));
      else planned.add(this.#firstFree({ ...request, hostPort }, hostPortLast ?? hostPort, { surroundings, planned }));
    }
    return planned.bindings;
  }

  /** From the binding's own port to `last`; the conflict that is told is that of the last. */
  #firstFree(
    first: PortBinding,
    last: number,
    { surroundings, planned }: { surroundings: PortSurroundings; planned: PlannedPorts },
  ): PortBinding {
    for (let binding = first; ; binding = { ...binding, hostPort: binding.hostPort + 1 }) {
      const owner = this.#findOwner(binding, surroundings, planned);
      if (owner === null) return binding;
      if (binding.hostPort >= last) throw new PortConflict(binding, owner);
    }
  }

  /** In turn, so that a port just given back rests before it is used again. */
  #pick(request: Omit<PortBinding, "hostPort">, surroundings: PortSurroundings, planned: PlannedPorts): PortBinding {
    const [first, last] = surroundings.range;
    for (let tries = 0; tries <= last - first; tries += 1) {
      const hostPort = this.#next < first || this.#next > last ? first : this.#next;
      this.#next = hostPort + 1;
      const binding = { ...request, hostPort };
      if (this.#findOwner(binding, surroundings, planned) === null) return binding;
    }
    throw new EngineError("resource-exhausted", `no free ${request.protocol} port between ${first} and ${last}`, {
      hint: "name a host port outside of this range, or remove containers that publish ports",
    });
  }

  #findOwner(binding: PortBinding, surroundings: PortSurroundings, planned: PlannedPorts): Owner | null {
    const { protocol, hostAddress, hostPort } = binding;
    const isSame = (other: { protocol: string; port: number; address: string | null }) =>
      other.protocol === protocol &&
      other.port === hostPort &&
      other.address !== null &&
      addressesClash(other.address, hostAddress);
    if (planned.has(binding)) return { kind: "container", name: "" };
    const claim = this.#table.findClaim(protocol, hostAddress, hostPort);
    if (claim !== null) return { kind: "container", name: claim.name ?? claim.id.slice(0, 12) };
    const listener = surroundings.listeners.find(isSame);
    if (listener !== undefined) return { kind: "socket", inode: listener.inode };
    const foreign = surroundings.foreign.find(isSame);
    return foreign === undefined ? null : { kind: "engine", table: foreign.table };
  }
}

/** The sentence for a conflict, with the owner's name if it can be known. */
export async function describeConflict(conflict: PortConflict, containerName: string): Promise<EngineError> {
  const { hostAddress, hostPort, protocol } = conflict.binding;
  const where = hostAddress === anyAddress ? `${hostPort}/${protocol}` : `${hostAddress}:${hostPort}/${protocol}`;
  const owner = await nameOwner(conflict.owner);
  return new EngineError("failed-precondition", `publish port ${where} for ${containerName}: it is taken by ${owner}`, {
    cause: conflict,
    hint: "choose another host port, or stop what uses this one",
    exitCode: 125,
  });
}

async function nameOwner(owner: Owner): Promise<string> {
  switch (owner.kind) {
    case "container":
      return owner.name === "" ? "another port of the same container" : `container ${owner.name}`;
    case "socket":
      return (await findSocketOwner(owner.inode)) ?? "another program on this host";
    case "engine":
      return `a container of another engine (nft table ${owner.table})`;
  }
}
