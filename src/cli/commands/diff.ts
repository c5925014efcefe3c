import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableText } from "../printable.ts";

const letters = { added: "A", changed: "C", deleted: "D" } as const;
const limit = 1_000_000;

export function command(cli: Cli): Command {
  return newCommand(cli, "diff", "CONTAINER", "list what a container changed on its file system")
    .argument("<container>")
    .action(async (container: string) => {
      const client = await cli.connect();
      const { changes, truncated } = await client.request("containers.changes", { container, limit });
      const lines = changes.map(({ kind, path }) => `${letters[kind]} ${path.replaceAll("\n", "?")}`);
      if (lines.length > 0) cli.print(await printableText(lines.join("\n")));
      if (truncated) cli.say(`warning: only the first ${limit} changes are listed`);
    });
}
