import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  const summary = "write bridges, addresses and firewall rules anew";
  return newCommand(cli, "network reload", "", summary).action(async () => {
    const client = await cli.connect();
    await client.request("networks.reload", {});
  });
}
