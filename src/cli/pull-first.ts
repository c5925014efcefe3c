import { EngineError } from "../../engine/errors.ts";
import type { EngineClient } from "../client/connection.ts";
import { familiarName, splitImageName, withDefaultTag } from "../format/image-name.ts";
import type { Cli } from "./cli.ts";
import { UsageError } from "./parse/usage-error.ts";
import { printableText } from "./printable.ts";
import { pullImage } from "./pull-image.ts";

/** `--pull`, `--platform`, `--quiet` of run and create. */
export type PullChoice = { readonly pull?: string; readonly platform?: string; readonly quiet?: true };

const choices = ["always", "missing", "never"];

/** Before the container is made: `--pull always`, or an image that is here for another platform. */
export async function pullFirst(cli: Cli, client: EngineClient, image: string, choice: PullChoice): Promise<void> {
  const { pull = "missing", platform } = choice;
  if (!choices.includes(pull)) {
    throw new UsageError(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
  }
  if (pull === "always") return pullHere(cli, client, image, choice);
  if (pull === "never" || !platform) return;
  const known = await findImage(client, image);
  if (known !== null && !isFor(known, platform)) await pullHere(cli, client, image, choice);
}

/**
 * After a failure to make the container: pulls the image where it is what is missing, and where it may be pulled. False: the failure
 * stands.
 */
export async function pullMissing(
  cli: Cli,
  client: EngineClient,
  image: string,
  { failure, ...choice }: PullChoice & { readonly failure: unknown },
): Promise<boolean> {
  const { pull = "missing", quiet = false } = choice;
  if (pull !== "missing" || !(failure instanceof EngineError) || failure.code !== "not-found") return false;
  if ((await findImage(client, image)) !== null) return false;
  const name = await printableText(familiarName(withDefaultTag(splitImageName(image))));
  if (!quiet) cli.say(`Unable to find image '${name}' locally`);
  await pullHere(cli, client, image, choice);
  return true;
}

/** What it shows is no output of the container's. */
function pullHere(cli: Cli, client: EngineClient, image: string, { platform, quiet }: PullChoice): Promise<void> {
  return pullImage(cli, client, withDefaultTag(splitImageName(image)), {
    allTags: false,
    platform: platform || null,
    verifyKeys: [],
    quiet: quiet ?? false,
    output: process.stderr,
  });
}

type Inspected = Readonly<Record<string, unknown>>;

async function findImage(client: EngineClient, image: string): Promise<Inspected | null> {
  try {
    return await client.request("images.inspect", { image });
  } catch (error) {
    if (error instanceof EngineError && error.code === "not-found") return null;
    throw error;
  }
}

/** Other words for architectures, as containerd's platforms package knows them. */
const aliases: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", i386: "386" };

/** `linux/arm64/v8`, `arm64` */
function isFor(image: Inspected, platform: string): boolean {
  const parts = platform.toLowerCase().split("/");
  const [os, architecture = "", variant] = parts.length === 1 ? ["linux", ...parts] : parts;
  if (image.Os !== os || image.Architecture !== (aliases[architecture] ?? architecture)) return false;
  return variant === undefined || image.Variant === undefined || image.Variant === variant;
}
