import type { Command } from "commander";
import { refuseCheckpointDirectory } from "../checkpoint-flags.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "checkpoint rm", "CONTAINER CHECKPOINT", "remove a container's checkpoint")
    .option("--checkpoint-dir <directory>", "not supported")
    .argument("<container>")
    .argument("<checkpoint>")
    .action(async (container: string, checkpoint: string, options: { checkpointDir?: string }) => {
      refuseCheckpointDirectory(options);
      const client = await cli.connect();
      await client.request("checkpoints.remove", { container, checkpoint });
    });
}
