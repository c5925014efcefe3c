import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { type ExportFlags, exportArchive } from "../export-archive.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "volume export", "[options] VOLUME", "write what is in a volume as tar")
    .option("-o, --output <file>", "write to a file instead of stdout")
    .argument("<volume>")
    .action((volume: string, flags: ExportFlags) =>
      exportArchive(cli, flags, (client, streamID) => client.request("volumes.export", { volume, streamID })),
    );
}
