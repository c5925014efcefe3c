import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { noSettings, withFlags } from "../parse/networks.ts";
import { UsageError } from "../parse/usage-error.ts";

type ConnectOptions = {
  alias?: string[];
  driverOpt?: string[];
  gwPriority?: string;
  ip?: string;
  ip6?: string;
  link?: string[];
  linkLocalIp?: string[];
  macAddress?: string;
};

export function command(cli: Cli): Command {
  return newCommand(cli, "network connect", "[options] NETWORK CONTAINER", "connect a container to a network")
    .option("--alias <name>", "further name on this network", collect)
    .option("--ip <address>", "IPv4 address")
    .option("--ip6 <address>", "IPv6 address")
    .option("--mac-address <address>", "MAC address")
    .option("--link <container>", "not supported: use --alias", collect)
    .option("--link-local-ip <address>", "not supported", collect)
    .option("--driver-opt <option>", "not supported", collect)
    .option("--gw-priority <number>", "not supported")
    .argument("<network>")
    .argument("<container>")
    .action(async (network: string, container: string, options: ConnectOptions) => {
      refuse(options);
      const { alias = [], ...addresses } = options;
      const settings = withFlags(noSettings, { networkAlias: alias, ...addresses });
      const client = await cli.connect();
      await client.request("networks.connect", { network, container, settings });
    });
}

function refuse({ link, linkLocalIp, driverOpt, gwPriority }: ConnectOptions): void {
  const refused = [
    [link, "--link is not supported: give the other container an --alias"],
    [linkLocalIp, "--link-local-ip is not supported"],
    [driverOpt, "--driver-opt is not supported"],
    [gwPriority === "0" ? undefined : gwPriority, "--gw-priority is not supported"],
  ].find(([value]) => value !== undefined);
  if (refused !== undefined) throw new UsageError(String(refused[1]));
}
