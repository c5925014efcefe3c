import type { Command } from "commander";
import { familiarName, fullName, splitImageName, withDefaultTag } from "../../format/image-name.ts";
import { credentialsFor } from "../account.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";
import { TransferProgress } from "../transfer-progress.ts";

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
  const repository = await printableText(fullName({ ...name, tag: "", digest: "" }));
  if (!quiet) cli.print(`The push refers to repository [${repository}]`);
  const credentials = await credentialsFor(cli, name.registry);
  using _leaving = new Interruptible();
  const progress = new TransferProgress({ kind: "push", output: process.stdout, quiet });
  const params = { reference: familiarName(name), allTags, credentials };
  const { images } = await client.request("images.push", params, { onProgress: (step) => progress.show(step) });
  progress.complete({ object: familiarName(name), isNew: true });
  if (quiet) return cli.print(await printableText(fullName(name)));
  for (const { reference, digest, size } of images) {
    const tag = splitImageName(reference).tag;
    cli.print(await printableText(`${tag}: digest: ${digest} size: ${size}`));
  }
}
