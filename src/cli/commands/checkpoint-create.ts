import type { Command } from "commander";
import { refuseCheckpointDirectory } from "../checkpoint-flags.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

type CreateOptions = { checkpointDir?: string; leaveRunning?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "checkpoint create", "[options] CONTAINER CHECKPOINT", "freeze a container into files")
    .option("--leave-running", "let it go on")
    .option("--checkpoint-dir <directory>", "not supported")
    .argument("<container>")
    .argument("<checkpoint>")
    .action(async (container: string, checkpoint: string, options: CreateOptions) => {
      refuseCheckpointDirectory(options);
      const client = await cli.connect();
      await client.request("checkpoints.create", {
        container,
        checkpoint,
        leaveRunning: options.leaveRunning ?? false,
      });
      cli.print(checkpoint);
    });
}
