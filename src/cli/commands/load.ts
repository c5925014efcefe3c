import type { Command } from "commander";
import { loadImages } from "../../client/upload.ts";
import { aboutArchive, openArchive } from "../archive-input.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { TransferProgress } from "../transfer-progress.ts";

type LoadOptions = { input?: string; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "load", "[options] [FILE]", "load images from an archive")
    .option("-i, --input <file>", "docker or OCI archive, or a directory with an OCI layout; -: stdin")
    .option("-q, --quiet", "no progress")
    .argument("[file]")
    .action(async (file: string | undefined, options: LoadOptions) => {
      const path = options.input ?? file ?? "-";
      const archive = openArchive(path);
      const client = await cli.connect();
      using _leaving = new Interruptible();
      const progress = new TransferProgress({ kind: "load", output: process.stdout, quiet: options.quiet === true });
      const loaded = loadImages(client, archive, { onProgress: (step) => progress.show(step) });
      const { images } = await aboutArchive("load", path, loaded);
      progress.complete({ object: "", isNew: true });
      for (const image of images) {
        if (image.references.length === 0) cli.print(`Loaded image ID: ${image.id}`);
        for (const reference of image.references) cli.print(`Loaded image: ${reference}`);
      }
    });
}
