import type { Command } from "commander";
import { sanitize } from "../../format/sanitize.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { renderTable } from "../table.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "top", "CONTAINER [ps options]", "list a container's processes")
    .argument("<container>")
    .argument("[ps-options...]")
    .passThroughOptions()
    .action(async (container: string, words: string[]) => {
      const client = await cli.connect();
      const { titles, processes } = await client.request("containers.top", { container, arguments: words });
      const rows = [titles, ...processes].map((row) => row.map(sanitize));
      cli.print(renderTable(rows));
    });
}
