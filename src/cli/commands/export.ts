import type { Command } from "commander";
import { download } from "../../client/download.ts";
import { openArchiveOutput } from "../archive-output.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "export", "[options] CONTAINER", "write a container's file system as tar")
    .option("-o, --output <file>", "write to a file instead of stdout")
    .argument("<container>")
    .action(async (container: string, { output }: { output?: string }) => {
      await using archive = await openArchiveOutput("export", output ?? null);
      const client = await cli.connect();
      using _leaving = new Interruptible();
      await download(
        client,
        (bytes) => archive.write(bytes),
        (streamID) => client.request("containers.export", { container, streamID }),
      );
      await archive.keep();
    });
}
