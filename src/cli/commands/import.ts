import type { Command } from "commander";
import { importImage } from "../../client/upload.ts";
import { aboutArchive, openArchive } from "../archive-input.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { ProgressLine } from "../progress-line.ts";

type ImportOptions = { change?: string[]; message?: string; platform?: string; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "import", "[options] FILE|- [NAME[:TAG]]", "make an image of a root file system")
    .option("-c, --change <instruction>", "a Dockerfile line such as 'CMD [\"sh\"]'", collect)
    .option("-m, --message <text>", "comment in the history")
    .option("--platform <platform>", "os/arch[/variant] it is made for, instead of this host's")
    .option("-q, --quiet", "no progress")
    .argument("<file>", "tar, tar.gz or tar.zst")
    .argument("[reference]")
    .action(async (file: string, reference: string | undefined, options: ImportOptions) => {
      const rootfs = openArchive(file);
      const client = await cli.connect();
      using progress = new ProgressLine(options.quiet !== true && process.stderr.isTTY);
      const imported = importImage(client, rootfs, {
        reference: reference ?? null,
        changes: options.change ?? [],
        message: options.message ?? "",
        platform: options.platform ?? "",
        onProgress: (step) => progress.show(step),
      });
      const { id } = await aboutArchive("import", file, imported);
      progress.clear();
      cli.print(id);
    });
}
