import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "tag", "IMAGE NAME[:TAG]", "give an image another name")
    .argument("<image>")
    .argument("<reference>")
    .action(async (image: string, reference: string) => {
      const client = await cli.connect();
      await client.request("images.tag", { image, reference });
    });
}
