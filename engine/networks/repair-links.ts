import type { EngineConfig } from "../config.ts";
import { type HostNetwork, readHostNetwork } from "./bridge.ts";
import type { HostNetworks } from "./host-networks.ts";
import { hostInterfaceOf } from "./links.ts";
import { bridgeNameOf, isOn, optionNames } from "./network-record.ts";
import type { SandboxStock } from "./sandbox-stock.ts";
import type { EndpointRecord, SandboxRecord, SandboxTable } from "./sandbox-table.ts";

export type RepairOptions = {
  readonly config: EngineConfig;
  readonly networks: HostNetworks;
  readonly stock: SandboxStock;
  readonly table: SandboxTable;
  readonly report: (doing: string, error: unknown) => void;
};

/** Interfaces of networks, host ends of the veth pairs and leftovers, as the records say. */
export async function repairLinks(options: RepairOptions): Promise<void> {
  const { networks, stock } = options;
  await networks.repairInterfaces();
  const { links } = await readHostNetwork();
  await stock.sandboxes.sweep(links.map(({ name }) => name));
  await repairSandboxes(options);
}

/** Host ends of the veth pairs, also of those in stock. What is being made just now is left to who makes it. */
export async function repairSandboxes(options: RepairOptions): Promise<void> {
  const { stock, table, report } = options;
  // Before the look: what comes later is not missing.
  const [records, inTheMaking] = [table.list(), stock.inTheMaking()];
  const host = await readHostNetwork();
  for (const record of records) {
    // One container's broken namespace must not keep the others from theirs.
    await repairSandbox(options, record, { host, inTheMaking }).catch((error) =>
      report(`reconnect container ${record.container.slice(0, 12)}`, error),
    );
  }
  await rejoinStock(options, host);
}

/** Nobody has them yet, or has not yet put them on record. */
async function rejoinStock({ config, networks, stock }: RepairOptions, { links }: HostNetwork): Promise<void> {
  const bridge = bridgeNameOf(config, networks.bridge);
  const endpoints = stock.readyEndpoints().filter((endpoint) => {
    const link = links.find(({ name }) => name === hostInterfaceOf(config, endpoint));
    return link !== undefined && link.master !== bridge;
  });
  // One that is gone by now must not keep the others from theirs.
  for (const endpoint of endpoints) await stock.join(endpoint.link ?? "", endpoint).catch(() => {});
}

type Seen = { readonly host: HostNetwork; readonly inTheMaking: ReadonlySet<string> };

async function repairSandbox({ config, networks, stock }: RepairOptions, record: SandboxRecord, seen: Seen) {
  const { token } = record;
  if (token === null) return;
  const missing: EndpointRecord[] = [];
  for (const endpoint of record.endpoints) {
    const name = hostInterfaceOf(config, endpoint);
    const network = networks.find(endpoint.networkID);
    if (name === null || network === null || seen.inTheMaking.has(endpoint.link ?? "")) continue;
    const link = seen.host.links.find((one) => one.name === name);
    const isJoined = link?.master === bridgeNameOf(config, network) && link?.isUp === true;
    if (link === undefined) missing.push(endpoint);
    else if (!isJoined || !isOn(network, optionNames.icc)) await stock.join(token, endpoint);
  }
  if (missing.length > 0) await stock.link(token, missing, record.endpoints);
}
