import type { Command } from "commander";
import type { FileChange } from "../../../engine/protocol/containers.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableText } from "../printable.ts";

const letters = { added: "A", changed: "C", deleted: "D" } as const;
/** Changes asked for at once. */
const page = 5000;

export function command(cli: Cli): Command {
  return newCommand(cli, "diff", "CONTAINER", "list what a container changed on its file system")
    .argument("<container>")
    .action(async (container: string) => {
      const client = await cli.connect();
      const changes: FileChange[] = [];
      let isWhole = true;
      for (let after: string | null | undefined; after !== null; ) {
        const found = await client.request("containers.changes", { container, limit: page, ...(after && { after }) });
        for (const change of found.changes) changes.push(change);
        after = found.next;
        isWhole = after !== null || !found.truncated;
      }
      changes.sort((a, b) => (a.path < b.path ? -1 : 1));
      const lines = changes.map(({ kind, path }) => `${letters[kind]} ${path.replaceAll("\n", "?")}`);
      if (lines.length > 0) cli.print(await printableText(lines.join("\n")));
      if (!isWhole) cli.say("warning: directories deeper than 200 levels are not looked into");
    });
}
