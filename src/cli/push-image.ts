import type { EngineClient } from "../client/connection.ts";
import { familiarName, fullName, type ImageName, splitImageName } from "../format/image-name.ts";
import { credentialsFor } from "./account.ts";
import type { Cli } from "./cli.ts";
import { Interruptible } from "./interrupt.ts";
import { printableText } from "./printable.ts";
import { TransferProgress } from "./transfer-progress.ts";

export type PushOptions = { readonly name: ImageName; readonly allTags: boolean; readonly quiet: boolean };

/** Pushes and shows what docker shows. */
export async function pushImage(cli: Cli, client: EngineClient, { name, allTags, quiet }: PushOptions): Promise<void> {
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
