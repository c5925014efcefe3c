import { type Command, Option } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { EngineClient } from "../../client/connection.ts";
import { download } from "../../client/download.ts";
import { openArchiveOutput } from "../archive-output.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { ProgressLine } from "../progress-line.ts";

type SaveFlags = {
  output?: string;
  format: "docker-archive" | "oci-archive";
  platform?: string;
  quiet?: true;
};

export function command(cli: Cli): Command {
  return newCommand(cli, "save", "[options] IMAGE [IMAGE...]", "write images into an archive")
    .option("-o, --output <file>", "write to a file instead of stdout")
    .addOption(
      new Option("--format <format>", "kind of archive")
        .choices(["docker-archive", "oci-archive"])
        .default("docker-archive"),
    )
    .option("--platform <platform>", "only if the images are for it, e.g. linux/amd64")
    .option("-q, --quiet", "no progress")
    .argument("<images...>")
    .action((images: string[], flags: SaveFlags) => save(cli, images, flags));
}

async function save(cli: Cli, images: string[], { output, format, platform, quiet }: SaveFlags): Promise<void> {
  using _leaving = new Interruptible();
  await using archive = await openArchiveOutput("save", output ?? null);
  const client = await cli.connect();
  if (platform !== undefined) for (const image of images) await requirePlatform(client, image, platform);
  using progress = new ProgressLine(quiet !== true && process.stderr.isTTY);
  await download(
    client,
    (bytes) => archive.write(bytes),
    (streamID) =>
      client.request("images.save", { images, streamID, format }, { onProgress: (step) => progress.show(step) }),
  );
  await archive.keep();
}

/** An image here has one platform. */
async function requirePlatform(client: EngineClient, image: string, wanted: string): Promise<void> {
  const { Os, Architecture, Variant } = await client.request("images.inspect", { image });
  const parts = [Os, Architecture, Variant].filter((part) => typeof part === "string" && part !== "");
  const known = parts.join("/");
  if (known === wanted || parts.slice(0, 2).join("/") === wanted) return;
  throw new EngineError("not-found", `image ${image} is for ${known}, not for ${wanted}`, {
    hint: `pull it with --platform ${wanted}`,
  });
}
