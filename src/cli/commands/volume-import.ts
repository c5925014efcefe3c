import type { Command } from "commander";
import { importVolume } from "../../client/upload.ts";
import { aboutArchive, openArchive } from "../archive-input.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "volume import", "VOLUME FILE|-", "unpack an archive into a volume, over what is there")
    .argument("<volume>")
    .argument("<file>", "tar, tar.gz or tar.zst")
    .action(async (volume: string, file: string) => {
      const archive = openArchive(file);
      const client = await cli.connect();
      using _leaving = new Interruptible();
      await aboutArchive("import", file, importVolume(client, archive, volume));
    });
}
