import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import {
  formatAddress,
  formatRange,
  type IPRange,
  parseAddress,
  parseRange,
  rangeHas,
  rangeSize,
  rangesOverlap,
} from "../lib/ip-range.ts";
import type { CreateNetworkRequest, SubnetRequest } from "../protocol/networks.ts";
import { checkOptions } from "./network-options.ts";
import { bridgeNameOf, type NetworkRecord, parentOf, subnetOf } from "./network-record.ts";
import { refuseTaken } from "./network-table.ts";
import {
  type AddressPool,
  chooseSubnet,
  chooseSubnet6,
  defaultPools,
  firstAddressOf,
  isUsable,
  userNetworkPrefix,
} from "./subnet.ts";

/** What a new network has to fit in with. */
export type NetworkSurroundings = {
  readonly config: EngineConfig;
  readonly networks: readonly NetworkRecord[];
  /** Addresses and routes of the host, with the interface of each. */
  readonly taken: readonly { readonly range: IPRange; readonly device: string }[];
  /** Interfaces of the host. */
  readonly links: readonly string[];
  readonly pools: readonly AddressPool[] | null;
};

type Identity = { readonly id: string; readonly createdAt: string };

/**
 * The record of a new network: what was asked for, completed by what the engine chooses. Fails with `invalid-argument`, or
 * `failed-precondition` where it would clash with another network, a route or an interface of the host.
 */
export function planNetwork(
  request: CreateNetworkRequest,
  around: NetworkSurroundings,
  identity: Identity,
): { record: NetworkRecord; warnings: string[] } {
  checkName(request.name);
  refuseTaken(request.name, around.networks);
  const warnings = checkOptions(request);
  const hasOwnSubnet = request.subnets.some(({ subnet }) => subnet !== "");
  const draft: NetworkRecord = {
    ...identity,
    name: request.name,
    driver: request.driver,
    internal: request.internal,
    enableIPv6: request.enableIPv6,
    labels: request.labels,
    options: request.options,
    subnets: planSubnets(request, around, identity),
    hasOwnSubnet,
    attachable: request.attachable ?? false,
    ipamOptions: request.ipamOptions === undefined ? {} : request.ipamOptions,
  };
  checkInterfaces(draft, around);
  return { record: draft, warnings };
}

function planSubnets(request: CreateNetworkRequest, around: NetworkSurroundings, { id }: Identity): SubnetRequest[] {
  const asked = { 4: [] as SubnetRequest[], 6: [] as SubnetRequest[] };
  for (const subnet of request.subnets) asked[familyOf(subnet)].push(subnet);
  for (const family of [4, 6] as const) {
    if (asked[family].length > 1) throw invalid(`network ${request.name}: more than one IPv${family} subnet`);
  }
  if (asked[6].length > 0 && !request.enableIPv6) {
    throw invalid(`network ${request.name}: an IPv6 subnet needs --ipv6`);
  }
  const subnets = [completeSubnet(asked[4][0], 4, { request, around, id })];
  if (request.enableIPv6) subnets.push(completeSubnet(asked[6][0], 6, { request, around, id }));
  return subnets;
}

/** An entry without a subnet speaks of the family of its gateway or range, or of IPv4. */
function familyOf({ subnet, gateway, ipRange }: SubnetRequest): 4 | 6 {
  return [subnet, gateway, ipRange].some((text) => text.includes(":")) ? 6 : 4;
}

type Planning = { readonly request: CreateNetworkRequest; readonly around: NetworkSurroundings; readonly id: string };

function completeSubnet(asked: SubnetRequest | undefined, family: 4 | 6, planning: Planning): SubnetRequest {
  const { request, around } = planning;
  const text = asked?.subnet ?? "";
  refuseLoose(asked, request.name);
  const range = text === "" ? chooseRange(family, planning) : parseSubnetText(text, request.name);
  if (text !== "") refuseClash(range, request, around);
  const gateway = asked?.gateway || firstAddressOf(range);
  const address = parseAddress(gateway);
  if (address === null || !rangeHas(range, address) || !isHostAddress(range, address.value)) {
    throw invalid(`network ${request.name}: gateway ${gateway} is no address of ${formatRange(range)}`);
  }
  const ipRange = asked?.ipRange ? parseRange(asked.ipRange) : null;
  if (asked?.ipRange && (ipRange === null || !isWithin(ipRange, range))) {
    throw invalid(`network ${request.name}: IP range ${asked.ipRange} is not within ${formatRange(range)}`);
  }
  const auxiliary = asked?.auxiliaryAddresses ?? {};
  checkAuxiliary(auxiliary, range, request.name);
  return {
    subnet: formatRange(range),
    gateway: formatAddress(address),
    ipRange: ipRange === null ? "" : formatRange(ipRange),
    ...(Object.keys(auxiliary).length === 0 ? {} : { auxiliaryAddresses: { ...auxiliary } }),
  };
}

function checkAuxiliary(addresses: Readonly<Record<string, string>>, range: IPRange, network: string): void {
  for (const text of Object.values(addresses)) {
    const address = parseAddress(text);
    if (address !== null && rangeHas(range, address)) continue;
    throw invalid(
      `network ${network}: auxiliary address ${JSON.stringify(text)} is no address of ${formatRange(range)}`,
    );
  }
}

function parseSubnetText(text: string, name: string): IPRange {
  const range = parseRange(text);
  if (range === null || !text.includes("/")) throw invalid(`network ${name}: ${JSON.stringify(text)} is no subnet`);
  const [address = ""] = text.split("/");
  if (parseAddress(address)?.value !== range.base) {
    throw invalid(`network ${name}: invalid subnet ${text}: it should be ${formatRange(range)}`);
  }
  if (!isUsable(range)) throw invalid(`network ${name}: subnet ${text} has no room for containers`);
  return range;
}

function isHostAddress(range: IPRange, value: bigint): boolean {
  if (value === range.base) return false;
  return range.family === 6 || value !== range.base + rangeSize(range) - 1n;
}

function isWithin(inner: IPRange, outer: IPRange): boolean {
  return inner.family === outer.family && inner.prefixLength >= outer.prefixLength && rangesOverlap(inner, outer);
}

function chooseRange(family: 4 | 6, { request, around, id }: Planning): IPRange {
  const taken = [...around.taken.map(({ range }) => range), ...around.networks.flatMap(rangesOf)];
  const pools = (around.pools ?? defaultPools(userNetworkPrefix)).filter(({ base }) => base.family === family);
  const range =
    family === 6 && pools.length === 0
      ? chooseSubnet6(taken, `${around.config.root} ${id}`)
      : chooseSubnet(taken, around.config.instance, pools);
  if (range !== null) return range;
  throw new EngineError(
    "resource-exhausted",
    `network ${request.name}: no IPv${family} subnet is free in the address pools`,
    {
      hint: "give one with --subnet, remove networks that are not needed (gantry network prune), or set default-address-pools in engine.json",
    },
  );
}

function rangesOf(network: NetworkRecord): IPRange[] {
  return ([4, 6] as const).flatMap((family) => subnetOf(network, family)?.range ?? []);
}

/** A macvlan's subnet is that of its parent's own network, and not the host's to give. */
function refuseClash(range: IPRange, request: CreateNetworkRequest, around: NetworkSurroundings): void {
  const text = formatRange(range);
  const other = around.networks.find((network) => rangesOf(network).some((one) => rangesOverlap(one, range)));
  if (other !== undefined) {
    throw new EngineError(
      "failed-precondition",
      `network ${request.name}: subnet ${text} overlaps network ${other.name}`,
      {
        hint: "Pool overlaps with other one on this address space: choose another --subnet",
      },
    );
  }
  if (request.driver !== "bridge") return;
  const route = around.taken.find((one) => rangesOverlap(one.range, range));
  if (route === undefined) return;
  const where = `${formatRange(route.range)} on ${route.device}`;
  throw new EngineError(
    "failed-precondition",
    `network ${request.name}: subnet ${text} overlaps ${where} of this host`,
    {
      hint: "choose another --subnet; `ip route show table all` shows what is taken",
    },
  );
}

function checkInterfaces(draft: NetworkRecord, { config, networks, links }: NetworkSurroundings): void {
  const bridge = bridgeNameOf(config, draft);
  if (bridge !== null) {
    const owner = networks.find((network) => bridgeNameOf(config, network) === bridge);
    const isTaken = owner !== undefined || links.includes(bridge);
    if (!isTaken) return;
    const by = owner === undefined ? "an interface of this host" : `the bridge of network ${owner.name}`;
    throw new EngineError("failed-precondition", `network ${draft.name}: ${bridge} is ${by} already`, {
      hint: "choose another com.docker.network.bridge.name",
    });
  }
  const parent = parentOf(draft);
  const owner = networks.find((network) => parent !== null && parentOf(network) === parent);
  if (owner !== undefined && draft.driver === "macvlan") {
    throw new EngineError(
      "failed-precondition",
      `network ${draft.name}: ${owner.name} is already using parent interface ${parent}`,
      {
        hint: "put containers on that network, or use a VLAN of the parent, such as eth0.10",
      },
    );
  }
  const base = parent?.split(".")[0] ?? "";
  if (parent === null || links.includes(parent) || (parent.includes(".") && links.includes(base))) return;
  throw new EngineError("failed-precondition", `network ${draft.name}: this host has no interface ${parent}`, {
    hint: "`ip link` shows the interfaces of this host",
  });
}

function refuseLoose(asked: SubnetRequest | undefined, network: string): void {
  if (asked === undefined || asked.subnet !== "") return;
  const { gateway, ipRange, auxiliaryAddresses = {} } = asked;
  if (gateway + ipRange === "" && Object.keys(auxiliaryAddresses).length === 0) return;
  throw invalid(`network ${network}: a gateway or an IP range needs a subnet`, "give --subnet as well");
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,127}$/.test(name) && name !== "default") return;
  throw invalid(
    `network name ${JSON.stringify(name)} is not valid`,
    "use letters, digits, dots, dashes and underscores",
  );
}

function invalid(message: string, hint: string | null = null): EngineError {
  return new EngineError("invalid-argument", message, { hint });
}
