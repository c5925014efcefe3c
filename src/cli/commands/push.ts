import type { Command } from "commander";
import { splitImageName, withDefaultTag } from "../../format/image-name.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { UsageError } from "../parse/usage-error.ts";
import { pushImage } from "../push-image.ts";

type PushFlags = { allTags?: true; quiet?: true };

export function command(cli: Cli): Command {
  return newCommand(cli, "push", "[options] NAME[:TAG]", "put an image into a registry")
    .option("-a, --all-tags", "all names that the repository has here")
    .option("--disable-content-trust", "accepted; images are not signed")
    .option("-q, --quiet", "only the name at the end")
    .argument("<name>")
    .action((text: string, flags: PushFlags) => push(cli, text, flags));
}

async function push(cli: Cli, text: string, flags: PushFlags): Promise<void> {
  const { allTags = false, quiet = false }: { allTags?: boolean; quiet?: boolean } = flags;
  const written = splitImageName(text);
  if (allTags && (written.tag !== "" || written.digest !== "")) {
    throw new UsageError("tag can't be used with --all-tags/-a", 1);
  }
  const name = allTags ? written : withDefaultTag(written);
  const client = await cli.connect();
  if (name !== written && !quiet) cli.print("Using default tag: latest");
  await pushImage(cli, client, { name, allTags, quiet });
}
