import { parseAddress } from "../lib/ip-range.ts";
import { SyscallError } from "./errno.ts";
import {
  attribute,
  linkAttributes,
  linkHeader,
  nestedAttribute,
  newFlags,
  numberAttribute,
  requestTypes,
  stringAttribute,
} from "./netlink.ts";

/** A change to the links of one network namespace. `link` is a link's name there. Values only: they go to another thread. */
export type LinkStep =
  /** A veth pair; `peer` lands in the host's netns. Both ends are down. */
  | {
      readonly kind: "add-veth";
      readonly link: string;
      readonly mac: string;
      readonly mtu: number;
      readonly peer: string;
    }
  /** On a parent, in the netns bound to a file at once. */
  | {
      readonly kind: "add-vlan";
      readonly driver: "macvlan" | "ipvlan";
      readonly mode: string;
      readonly parent: string;
      readonly link: string;
      readonly mac: string | null;
      readonly mtu: number | null;
      readonly netnsPath: string;
    }
  /** No addresses that the kernel makes up (IPv6). */
  | { readonly kind: "no-own-addresses"; readonly link: string }
  | { readonly kind: "up"; readonly link: string }
  /** A port of a bridge, and up. */
  | { readonly kind: "join"; readonly link: string; readonly bridge: string }
  | { readonly kind: "port"; readonly link: string; readonly hairpin: boolean; readonly isolated: boolean }
  /** nodad: at once, without a look whether somebody else has it. */
  | {
      readonly kind: "address";
      readonly link: string;
      readonly address: string;
      readonly prefixLength: number;
      readonly broadcast?: string;
      readonly nodad?: boolean;
      readonly onLinkOnly?: boolean;
    }
  /** In place of the one that is there. Without `via`: all is on that link. */
  | { readonly kind: "default-route"; readonly family: 4 | 6; readonly via: string | null; readonly link: string }
  | { readonly kind: "remove"; readonly link: string };

const flagUp = 1;
const families = { 4: 2, 6: 10 } as const;
/** IFLA_INFO_…: kind and data of a link; of its place below another. */
const info = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const vethPeer = 1;
const addressGeneration = { attribute: 8, none: 1 } as const;
const bridgePort = { hairpin: 4, isolated: 33 } as const;
const address = { address: 1, local: 2, broadcast: 4, nodad: 2, linkScope: 253 } as const;
const route = { gateway: 5, device: 4, mainTable: 254, byBoot: 3, unicast: 1, linkScope: 253 } as const;
const vlanModes = {
  macvlan: { private: 1, vepa: 2, bridge: 4, passthru: 8 },
  ipvlan: { l2: 0, l3: 1, l3s: 2 },
} as const;
const create = newFlags.create | newFlags.exclusive;

export type LinkRequest = { readonly type: number; readonly flags: number; readonly body: Buffer };

export type Surroundings = {
  /** Index of a link in the namespace that the step is for. */
  readonly indexOf: (link: string) => number;
  /** Descriptor of the host's netns. */
  readonly home: number;
  /** One of the netns bound to a file, which is closed by who gave it. */
  readonly open: (path: string) => number;
};

/** What to ask of the kernel for a step (rtnetlink(7)). Fails with SyscallError. */
export function requestOf(step: LinkStep, { indexOf, home, open }: Surroundings): LinkRequest {
  const { newLink, setLink, newAddress, newRoute, deleteLink } = requestTypes;
  const named = (flags = 0) => [linkHeader(0, flags), stringAttribute(linkAttributes.name, step.link)];
  const request = (type: number, flags: number, parts: readonly Uint8Array[]) => ({
    type,
    flags,
    body: Buffer.concat(parts),
  });
  switch (step.kind) {
    case "add-veth":
      return request(newLink, create, [...named(), ...vethParts(step, home)]);
    case "add-vlan":
      return request(newLink, create, [...named(), ...vlanParts(step, indexOf(step.parent), open(step.netnsPath))]);
    case "no-own-addresses":
      return request(setLink, 0, [...named(), withoutOwnAddresses]);
    case "up":
      return request(setLink, 0, named(flagUp));
    case "join":
      return request(setLink, 0, [...named(flagUp), numberAttribute(linkAttributes.master, indexOf(step.bridge))]);
    case "port":
      return request(newLink, 0, [...named(), portInfo(step)]);
    case "address":
      return request(newAddress, create, addressParts(step, indexOf(step.link)));
    case "default-route":
      return request(newRoute, newFlags.create | newFlags.replace, routeParts(step, indexOf(step.link)));
    case "remove":
      return request(deleteLink, 0, named());
  }
}

type Step<Kind extends LinkStep["kind"]> = Extract<LinkStep, { readonly kind: Kind }>;

const withoutOwnAddresses = nestedAttribute(
  linkAttributes.families,
  nestedAttribute(families[6], numberAttribute(addressGeneration.attribute, addressGeneration.none, 1)),
);

function vethParts({ mac, mtu, peer }: Step<"add-veth">, home: number): Buffer[] {
  const size = numberAttribute(linkAttributes.mtu, mtu);
  const other = nestedAttribute(
    vethPeer,
    linkHeader(0),
    stringAttribute(linkAttributes.name, peer),
    size,
    numberAttribute(linkAttributes.netnsDescriptor, home),
  );
  return [
    macAttribute(mac),
    size,
    nestedAttribute(linkAttributes.info, stringAttribute(info.kind, "veth"), nestedAttribute(info.data, other)),
  ];
}

function vlanParts({ driver, mode, mac, mtu }: Step<"add-vlan">, parent: number, netns: number): Buffer[] {
  const modes: Readonly<Record<string, number>> = vlanModes[driver];
  const number = modes[mode];
  if (number === undefined) throw new SyscallError(`${driver} mode ${mode}`, "EINVAL");
  return [
    numberAttribute(linkAttributes.parent, parent),
    numberAttribute(linkAttributes.netnsDescriptor, netns),
    ...(mac === null ? [] : [macAttribute(mac)]),
    ...(mtu === null ? [] : [numberAttribute(linkAttributes.mtu, mtu)]),
    nestedAttribute(
      linkAttributes.info,
      stringAttribute(info.kind, driver),
      nestedAttribute(info.data, numberAttribute(1, number, driver === "macvlan" ? 4 : 2)),
    ),
  ];
}

function portInfo({ hairpin, isolated }: Step<"port">): Buffer {
  return nestedAttribute(
    linkAttributes.info,
    stringAttribute(info.slaveKind, "bridge"),
    nestedAttribute(
      info.slaveData,
      numberAttribute(bridgePort.hairpin, Number(hairpin), 1),
      numberAttribute(bridgePort.isolated, Number(isolated), 1),
    ),
  );
}

/** struct ifaddrmsg: family, prefix, flags, scope, index. */
function addressParts(step: Step<"address">, index: number): Buffer[] {
  const [family, bytes] = bytesOf(step.address);
  const flags = step.nodad === true ? address.nodad : 0;
  const header = Buffer.from([
    family,
    step.prefixLength,
    flags,
    step.onLinkOnly === true ? address.linkScope : 0,
    0,
    0,
    0,
    0,
  ]);
  header.writeUInt32LE(index, 4);
  return [
    header,
    attribute(address.local, bytes),
    attribute(address.address, bytes),
    ...(step.broadcast === undefined ? [] : [attribute(address.broadcast, bytesOf(step.broadcast)[1])]),
  ];
}

/** struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags. */
function routeParts({ family, via }: Step<"default-route">, index: number): Buffer[] {
  const scope = via === null && family === 4 ? route.linkScope : 0;
  return [
    Buffer.from([families[family], 0, 0, 0, route.mainTable, route.byBoot, scope, route.unicast, 0, 0, 0, 0]),
    numberAttribute(route.device, index),
    ...(via === null ? [] : [attribute(route.gateway, bytesOf(via)[1])]),
  ];
}

function macAttribute(mac: string): Buffer {
  return attribute(linkAttributes.address, Buffer.from(mac.replaceAll(":", ""), "hex"));
}

/** The kernel's number of the family, and the address as packets have it. */
function bytesOf(text: string): [family: number, bytes: Buffer] {
  const parsed = parseAddress(text);
  if (parsed === null) throw new SyscallError(`address ${text}`, "EINVAL");
  const size = parsed.family === 4 ? 8 : 32;
  return [families[parsed.family], Buffer.from(parsed.value.toString(16).padStart(size, "0"), "hex")];
}
