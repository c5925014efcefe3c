import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { EngineError } from "../errors.ts";
import { findSocketOwner, type Listener, readListeners } from "../host/socket-table.ts";
import { normalizeAddress, parseAddress } from "../lib/ip-range.ts";
import type { PortBinding, PortRequest } from "../protocol/ports.ts";
import { addressesClash, anyAddress, anyAddress6, type SandboxTable } from "./sandbox-table.ts";

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
    ports.some(({ hostPort }) => hostPort === null)
      ? readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "")
      : "",
  ]);
  const [first, last] = text.trim().split(/\s+/).map(Number);
  const isRange = first !== undefined && last !== undefined && first > 0 && last >= first;
  return { listeners, foreign, range: isRange ? [first, last] : defaultRange };
}

/** What a container's ports are published on. */
export type PublishTarget = {
  readonly has4: boolean;
  readonly has6: boolean;
  /** For ports without one: all addresses of a family, or what the network or the engine says. */
  readonly defaultAddress: string;
};

/**
 * Ports with the addresses they are to be on: `-p 80:80` means all of both families, as far as the container has them. Fails with
 * `invalid-argument`, or `failed-precondition` for an address that this host or, by its family, the container lacks.
 */
export function placePorts(ports: readonly PortRequest[], target: PublishTarget): PortRequest[][] {
  return ports.map((port) => {
    const wanted = port.hostAddress === "" ? target.defaultAddress : port.hostAddress;
    if (wanted !== "") return [{ ...port, hostAddress: checkHostAddress(wanted, target) }];
    return [
      ...(target.has4 ? [{ ...port, hostAddress: anyAddress }] : []),
      ...(target.has6 ? [{ ...port, hostAddress: anyAddress6 }] : []),
    ];
  });
}

function checkHostAddress(text: string, { has4, has6 }: PublishTarget): string {
  const address = parseAddress(text);
  if (address === null) {
    throw new EngineError("invalid-argument", `publish on ${text}: that is no IP address`, {
      hint: "write ADDRESS:HOSTPORT:CONTAINERPORT, for instance 127.0.0.1:8080:80",
    });
  }
  if (address.family === 6 ? !has6 : !has4) {
    throw new EngineError(
      "failed-precondition",
      `publish on ${text}: the container has no IPv${address.family} address`,
      {
        hint:
          address.family === 6
            ? "put it on a network made with --ipv6, or give an IPv4 address"
            : "give an IPv6 address of this host",
        exitCode: 125,
      },
    );
  }
  const known = normalizeAddress(text) ?? text;
  if (known === "::1") {
    throw new EngineError("unimplemented", "publish on ::1: the kernel leads nothing from there to a container", {
      hint: "publish on 127.0.0.1: programs that ask localhost go there as well",
      exitCode: 125,
    });
  }
  const isLoopback = address.family === 4 && address.value >> 24n === 127n;
  if (isLoopback || known === anyAddress || known === anyAddress6 || hasAddress(known)) return known;
  throw new EngineError("failed-precondition", `publish on ${text}: this host does not have that address`, {
    hint: "`ip address` shows the addresses of this host",
    exitCode: 125,
  });
}

function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((infos) =>
    infos?.some((info) => normalizeAddress(info.address) === address),
  );
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
  readonly #table: SandboxTable;
  #next = 0;

  constructor(table: SandboxTable) {
    this.#table = table;
  }

  /** `groups`: places of one port each, which get the same number. */
  plan(groups: readonly (readonly PortRequest[])[], surroundings: PortSurroundings): PortBinding[] {
    const planned = new PlannedPorts();
    for (const group of groups) {
      const [first] = group;
      if (first === undefined) continue;
      const at = (hostPort: number) =>
        group.map(({ hostAddress, containerPort, protocol }) => ({ hostAddress, hostPort, containerPort, protocol }));
      const { hostPort, hostPortLast } = first;
      const bindings =
        hostPort === null
          ? this.#pick(at, surroundings, planned)
          : this.#firstFree(at, [hostPort, hostPortLast ?? hostPort], { surroundings, planned });
      for (const binding of bindings) planned.add(binding);
    }
    return planned.bindings;
  }

  /** The conflict that is told is that of the last. */
  #firstFree(
    at: (hostPort: number) => PortBinding[],
    [first, last]: readonly [number, number],
    { surroundings, planned }: { surroundings: PortSurroundings; planned: PlannedPorts },
  ): PortBinding[] {
    for (let hostPort = first; ; hostPort += 1) {
      const bindings = at(hostPort);
      const conflict = this.#findConflict(bindings, surroundings, planned);
      if (conflict === null) return bindings;
      if (hostPort >= last) throw conflict;
    }
  }

  /** In turn, so that a port just given back rests before it is used again. */
  #pick(at: (hostPort: number) => PortBinding[], surroundings: PortSurroundings, planned: PlannedPorts): PortBinding[] {
    const [first, last] = surroundings.range;
    for (let tries = 0; tries <= last - first; tries += 1) {
      const hostPort = this.#next < first || this.#next > last ? first : this.#next;
      this.#next = hostPort + 1;
      const bindings = at(hostPort);
      if (this.#findConflict(bindings, surroundings, planned) === null) return bindings;
    }
    throw new EngineError("resource-exhausted", `no free ${at(0)[0]?.protocol} port between ${first} and ${last}`, {
      hint: "name a host port outside of this range, or remove containers that publish ports",
    });
  }

  #findConflict(
    bindings: readonly PortBinding[],
    surroundings: PortSurroundings,
    planned: PlannedPorts,
  ): PortConflict | null {
    for (const binding of bindings) {
      const owner = this.#findOwner(binding, surroundings, planned);
      if (owner !== null) return new PortConflict(binding, owner);
    }
    return null;
  }

  #findOwner(binding: PortBinding, surroundings: PortSurroundings, planned: PlannedPorts): Owner | null {
    const { protocol, hostAddress, hostPort } = binding;
    const isSame = (other: { protocol: string; port: number; address: string | null; address6?: string | null }) =>
      other.protocol === protocol &&
      other.port === hostPort &&
      [other.address, other.address6 ?? null].some((one) => one !== null && addressesClash(one, hostAddress));
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
  const isAny = hostAddress === anyAddress || hostAddress === anyAddress6;
  const address = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
  const where = isAny ? `${hostPort}/${protocol}` : `${address}:${hostPort}/${protocol}`;
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
