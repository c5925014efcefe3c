import { existsSync } from "node:fs";
import type { EngineConfig } from "../config.ts";
import { messageOf } from "../errors.ts";
import { listNftTables } from "../host/network-tools.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";
import { readHostNetwork } from "./bridge.ts";
import type { HostNetworks } from "./host-networks.ts";
import { hostInterfaceOf } from "./links.ts";
import { bridgeNameOf } from "./network-record.ts";
import type { SandboxStock } from "./sandbox-stock.ts";
import type { SandboxTable } from "./sandbox-table.ts";

export type CheckOptions = {
  readonly config: EngineConfig;
  readonly networks: HostNetworks;
  readonly stock: SandboxStock;
  readonly table: SandboxTable;
};

/** Whether interfaces, namespaces and rules are as the records say. Looked at twice, since something may be on its way. */
export async function checkNetworks(
  options: CheckOptions,
  repair: (() => Promise<void>) | null,
): Promise<FsckFinding[]> {
  const first = await look(options);
  if (first.length === 0) return [];
  const again = new Set((await look(options)).map(({ object }) => object));
  const findings = first.filter(({ object }) => again.has(object));
  if (repair === null || findings.length === 0) return findings;
  try {
    await repair();
    return findings;
  } catch (error) {
    return findings.map((finding) => ({ ...finding, repair: "", hint: messageOf(error) }));
  }
}

async function look({ config, networks, stock, table }: CheckOptions): Promise<FsckFinding[]> {
  const [{ links }, tables] = await Promise.all([readHostNetwork(), listNftTables()]);
  const isUp = (name: string) => links.some((link) => link.name === name && link.isUp);
  const bridges = networks.list().flatMap((network) => {
    const bridge = bridgeNameOf(config, network);
    return bridge === null || isUp(bridge) ? [] : [lost(network.name, `its bridge ${bridge} is not there`)];
  });
  const containers = table.list().flatMap(({ token, name, endpoints }) => {
    if (token === null) return [];
    if (!existsSync(stock.sandboxes.pathOf(token))) {
      return [
        {
          ...lost(name, "its network namespace is lost"),
          repair: "",
          hint: `restart it with \`gantry restart ${name}\``,
        },
      ];
    }
    const gone = endpoints
      .map((endpoint) => hostInterfaceOf(config, endpoint))
      .find((link) => link !== null && !isUp(link));
    return gone === undefined || gone === null ? [] : [lost(name, `its interface ${gone} is not there`)];
  });
  const hasTable = tables === null || tables.includes(`inet ${config.names.table}`);
  return [...bridges, ...containers, ...(hasTable ? [] : [lost(config.names.table, "the firewall rules are gone")])];
}

function lost(object: string, problem: string): FsckFinding {
  return { kind: "network", object, problem, repair: "made anew", hint: "" };
}
