import type { EngineConfig } from "../config.ts";
import { runIP } from "../host/network-tools.ts";
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
  const { networks, stock, table, report } = options;
  const host = await readHostNetwork();
  await networks.repairInterfaces(host);
  await stock.sandboxes.sweep(host.links.map(({ name }) => name));
  for (const record of table.list()) {
    // One container's broken namespace must not keep the others from theirs.
    await repairSandbox(options, record, host).catch((error) =>
      report(`reconnect container ${record.container.slice(0, 12)}`, error),
    );
  }
}

async function repairSandbox({ config, networks, stock }: RepairOptions, record: SandboxRecord, host: HostNetwork) {
  const { token } = record;
  if (token === null) return;
  const missing: EndpointRecord[] = [];
  for (const endpoint of record.endpoints) {
    const name = hostInterfaceOf(config, endpoint);
    const network = networks.find(endpoint.networkID);
    if (name === null || network === null) continue;
    const link = host.links.find((one) => one.name === name);
    const isJoined = link?.master === bridgeNameOf(config, network) && link?.isUp === true;
    if (link === undefined) missing.push(endpoint);
    else if (!isJoined || !isOn(network, optionNames.icc)) await runIP(stock.joinLines(token, endpoint));
  }
  if (missing.length > 0) await stock.link(token, missing, record.endpoints);
}
