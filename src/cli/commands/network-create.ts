import type { Command } from "commander";
import type { CreateNetworkRequest } from "../../../engine/protocol/networks.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { parseLabel } from "../parse/environment.ts";
import { parseSubnets } from "../parse/subnets.ts";
import { UsageError } from "../parse/usage-error.ts";

type CreateOptions = {
  attachable?: true;
  auxAddress?: string[];
  configFrom?: string;
  configOnly?: true;
  driver: string;
  gateway?: string[];
  ingress?: true;
  internal?: true;
  ipRange?: string[];
  ipamDriver?: string;
  ipamOpt?: string[];
  ipv4?: boolean;
  ipv6?: true;
  label?: string[];
  opt?: string[];
  scope?: string;
  subnet?: string[];
};

export function command(cli: Cli): Command {
  return newCommand(cli, "network create", "[options] NAME", "make a network")
    .option("-d, --driver <driver>", "bridge, macvlan or ipvlan", "bridge")
    .option("--subnet <range>", "range of addresses, e.g. 10.89.0.0/24; several for IPv4 and IPv6", collect)
    .option("--gateway <address>", "the host's address on it", collect)
    .option("--ip-range <range>", "part of the subnet that containers get addresses of", collect)
    .option("--ipv6", "IPv6 addresses as well")
    .option("--internal", "no way out and none in")
    .option("--label <label>", "key[=value]", collect)
    .option("-o, --opt <option>", "option of the driver, e.g. parent=eth0, com.docker.network.driver.mtu=1400", collect)
    .option("--attachable", "accepted; every network is")
    .option("--no-ipv4", "not supported")
    .option("--ipv4", "accepted; every network has it")
    .option("--aux-address <address>", "not supported: leave addresses out with --ip-range", collect)
    .option("--ipam-driver <driver>", "only default")
    .option("--ipam-opt <option>", "not supported", collect)
    .option("--config-from <network>", "not supported")
    .option("--config-only", "not supported")
    .option("--ingress", "not supported")
    .option("--scope <scope>", "only local")
    .argument("<name>")
    .action(async (name: string, options: CreateOptions) => {
      const request = toRequest(name, options);
      const client = await cli.connect();
      const { id, warnings } = await client.request("networks.create", request);
      for (const warning of warnings) cli.say(`warning: ${warning}`);
      cli.print(id);
    });
}

function toRequest(name: string, options: CreateOptions): CreateNetworkRequest {
  refuse(options);
  const subnets = parseSubnets(options);
  return {
    name,
    driver: parseDriver(options.driver),
    subnets,
    internal: options.internal ?? false,
    enableIPv6: options.ipv6 ?? false,
    labels: Object.fromEntries((options.label ?? []).map(parseLabel)),
    options: Object.fromEntries((options.opt ?? []).map(parseLabel)),
  };
}

function parseDriver(driver: string): CreateNetworkRequest["driver"] {
  if (driver === "bridge" || driver === "macvlan" || driver === "ipvlan") return driver;
  throw new UsageError(`network driver "${driver}" is not supported: want bridge, macvlan or ipvlan`);
}

/** What would silently not be there. */
function refuse(options: CreateOptions): void {
  const { ipv4, ipamDriver = "default", scope = "local" } = options;
  const refused = [
    [ipv4 === false, "--ipv4=false"],
    [options.auxAddress !== undefined, "--aux-address"],
    [ipamDriver !== "default" && ipamDriver !== "", `--ipam-driver ${ipamDriver}`],
    [options.ipamOpt !== undefined, "--ipam-opt"],
    [options.configFrom !== undefined, "--config-from"],
    [options.configOnly === true, "--config-only"],
    [options.ingress === true, "--ingress"],
    [scope !== "local" && scope !== "", `--scope ${scope}`],
  ].find(([isGiven]) => isGiven);
  if (refused !== undefined) throw new UsageError(`${refused[1]} is not supported`);
}
