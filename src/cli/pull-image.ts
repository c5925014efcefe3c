import type { MethodParams } from "../../engine/protocol/methods.ts";
import type { EngineClient } from "../client/connection.ts";
import { familiarName, type ImageName } from "../format/image-name.ts";
import { credentialsFor } from "./account.ts";
import type { Cli } from "./cli.ts";
import { Interruptible } from "./interrupt.ts";
import { printableText } from "./printable.ts";
import { TransferProgress } from "./transfer-progress.ts";

export type PullOptions = {
  readonly allTags: boolean;
  readonly platform: string | null;
  readonly verifyKeys: readonly string[];
  readonly quiet: boolean;
  readonly output: NodeJS.WriteStream;
};

/** Pulls and shows what docker shows, but for the name at the end. */
export async function pullImage(cli: Cli, client: EngineClient, name: ImageName, options: PullOptions): Promise<void> {
  const { allTags, platform, verifyKeys, quiet, output } = options;
  const params: MethodParams<"images.pull"> = {
    reference: familiarName(name),
    allTags,
    platform,
    credentials: await credentialsFor(cli, name.registry),
    verifyKeys: [...verifyKeys],
  };
  using _leaving = new Interruptible();
  const repository = familiarName({ ...name, tag: "", digest: "" });
  const byDigest = name.digest !== "";
  const title = (object: string) => titleOf(byDigest ? familiarName({ ...name, tag: "" }) : tagOf(object), name);
  const progress = new TransferProgress({ kind: "pull", output, quiet, title });
  const { images } = await client.request("images.pull", params, { onProgress: (step) => progress.show(step) });
  const isNew = images.some((image) => image.isNew);
  progress.complete({ object: familiarName(name), isNew });
  if (quiet) return;
  const what = isNew ? "Downloaded newer image" : "Image is up to date";
  const whole = allTags ? repository : familiarName(byDigest ? { ...name, tag: "" } : name);
  const lines = [...images.map((image) => `Digest: ${image.digest}`), `Status: ${what} for ${whole}`];
  output.write(`${await printableText(lines.join("\n"))}\n`);
}

function titleOf(tag: string, name: ImageName): string {
  return `${tag}: Pulling from ${name.repository}`;
}

function tagOf(reference: string): string {
  return reference.slice(reference.lastIndexOf(":") + 1);
}
