import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableText } from "../printable.ts";
import { renderTable } from "../table.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "top", "CONTAINER [ps options]", "list a container's processes")
    .argument("<container>")
    .argument("[ps-options...]")
    .passThroughOptions()
    .action(async (container: string, words: string[]) => {
      const client = await cli.connect();
      const { titles, processes } = await client.request("containers.top", { container, arguments: words });
      const rows = [titles, ...processes].map((row) => Promise.all(row.map(printableText)));
      cli.print(renderTable(await Promise.all(rows)));
    });
}
