import type { Command } from "commander";
import { messageOf } from "../../../engine/errors.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableText } from "../printable.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "logout", "[SERVER]", "forget an account at a registry")
    .argument("[server]")
    .action(async (server?: string) => {
      const { forgetAccount, hostOf, hubKey, keyOf } = await import("../../client/accounts/accounts.ts");
      const registry = hostOf(server ?? hubKey);
      const shown = keyOf(registry) === hubKey ? hubKey : registry;
      cli.print(await printableText(`Removing login credentials for ${shown}`));
      try {
        await forgetAccount(registry);
      } catch (error) {
        cli.say(await printableText(`WARNING: could not erase credentials: ${messageOf(error)}`));
      }
    });
}
