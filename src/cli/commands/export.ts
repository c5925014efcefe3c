import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { type ExportFlags, exportArchive } from "../export-archive.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "export", "[options] CONTAINER", "write a container's file system as tar")
    .option("-o, --output <file>", "write to a file instead of stdout")
    .argument("<container>")
    .action((container: string, flags: ExportFlags) =>
      exportArchive(cli, flags, (client, streamID) => client.request("containers.export", { container, streamID })),
    );
}
