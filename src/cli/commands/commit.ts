import { type Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { ProgressLine } from "../progress-line.ts";

type CommitFlags = { author?: string; change?: string[]; message?: string; pause?: boolean };

export function command(cli: Cli): Command {
  return newCommand(cli, "commit", "[options] CONTAINER [NAME[:TAG]]", "make an image of what a container changed")
    .option("-a, --author <author>", 'e.g. "John Hannibal Smith <hannibal@a-team.com>"')
    .option("-c, --change <instruction>", "a Dockerfile line such as 'CMD [\"sh\"]'", collect)
    .option("-m, --message <text>", "comment in the history")
    .addOption(new Option("-p, --pause", "freeze the container meanwhile (default)").default(true))
    .option("--no-pause", "let the container run meanwhile")
    .argument("<container>")
    .argument("[reference]")
    .action(async (container: string, reference: string | undefined, flags: CommitFlags) => {
      const client = await cli.connect();
      using _leaving = new Interruptible();
      using progress = new ProgressLine(process.stderr.isTTY);
      const { id } = await client.request(
        "containers.commit",
        {
          container,
          reference: reference ?? null,
          author: flags.author ?? "",
          message: flags.message ?? "",
          changes: flags.change ?? [],
          pause: flags.pause !== false,
        },
        { onProgress: (step) => progress.show(step) },
      );
      progress.clear();
      cli.print(id);
    });
}
