import { readFileSync, statSync } from "node:fs";
import type { Command } from "commander";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import { fullName, splitImageName, withDefaultTag } from "../../format/image-name.ts";
import type { Cli } from "../cli.ts";
import { collect, newCommand } from "../command.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableText } from "../printable.ts";
import { pullImage } from "../pull-image.ts";

type PullFlags = { allTags?: true; platform?: string; quiet?: true; verify?: string[] };

const keyLimit = 64 * 1024;

export function command(cli: Cli): Command {
  return newCommand(cli, "pull", "[options] NAME[:TAG|@DIGEST]", "get an image from a registry")
    .option("-a, --all-tags", "all images of the repository")
    .option("--disable-content-trust", "accepted; see --verify")
    .option("--platform <platform>", "os/arch[/variant] where the image is there for several")
    .option("-q, --quiet", "only the name at the end")
    .option("--verify <key>", "file with a public key; one of them must have signed the image", collect)
    .argument("<name>")
    .action((text: string, flags: PullFlags) => pull(cli, text, flags));
}

async function pull(cli: Cli, text: string, flags: PullFlags): Promise<void> {
  const { allTags = false, quiet = false } = flags;
  // Empty is none, as docker has it: scripts pass a variable that may not be set.
  const platform = flags.platform || null;
  const written = splitImageName(text);
  if (allTags && (written.tag !== "" || written.digest !== "")) {
    throw new UsageError("tag can't be used with --all-tags/-a", 1);
  }
  const name = allTags ? written : withDefaultTag(written);
  const verifyKeys = (flags.verify ?? []).map(readKey);
  const client = await cli.connect();
  if (name !== written && !quiet) cli.print("Using default tag: latest");
  await pullImage(cli, client, name, { allTags, platform, verifyKeys, quiet, output: process.stdout });
  cli.print(await printableText(fullName(name)));
}

/** A private key must not leave this process by mistake. */
function readKey(path: string): string {
  let text = "";
  try {
    text = statSync(path).size > keyLimit ? "" : readFileSync(path, "utf8");
  } catch (cause) {
    throw new EngineError("invalid-argument", `read key ${path}: ${messageOf(cause)}`, { cause });
  }
  if (/-----BEGIN (?:[A-Z]+ )?PUBLIC KEY-----/.test(text) && !text.includes("PRIVATE")) return text;
  throw new EngineError("invalid-argument", `key ${path} is no public key in PEM`, {
    hint: "cosign keeps it beside the private one, as cosign.pub",
  });
}
