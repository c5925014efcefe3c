import type { Command } from "commander";
import { download } from "../../client/download.ts";
import { openArchiveOutput } from "../archive-output.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "volume export", "[options] VOLUME", "write what is in a volume as tar")
    .option("-o, --output <file>", "write to a file instead of stdout")
    .argument("<volume>")
    .action(async (volume: string, { output }: { output?: string }) => {
      await using archive = await openArchiveOutput("export", output ?? null);
      const client = await cli.connect();
      using _leaving = new Interruptible();
      await download(
        client,
        (bytes) => archive.write(bytes),
        (streamID) => client.request("volumes.export", { volume, streamID }),
      );
      await archive.keep();
    });
}
