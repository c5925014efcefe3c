import { constants, statSync } from "node:fs";
import { posix } from "node:path";
import { EngineError } from "../../../engine/errors.ts";
import type { EngineClient } from "../../client/connection.ts";
import { download } from "../../client/download.ts";
import { formatBytes } from "../../format/bytes.ts";
import { openArchiveOutput } from "../archive-output.ts";
import type { Cli } from "../cli.ts";
import { Interruptible } from "../interrupt.ts";
import { type CopyEnd, clean, followedSource, localDestination, planCopy, resolveLocal } from "./go-paths.ts";
import { LocalUnpacker } from "./unpack-local.ts";

export type CopyFromOptions = {
  readonly destination: string;
  readonly followLink: boolean;
  readonly quiet: boolean;
};

type Place = { readonly container: string; readonly path: string };

/** A file or directory of a container to this host, or as tar to stdout. */
export async function copyFromContainer(
  cli: Cli,
  from: Place,
  { destination, followLink, quiet }: CopyFromOptions,
): Promise<void> {
  const target = destination === "-" ? "-" : resolveLocal(destination);
  checkOutputPath(target);
  const client = await cli.connect();
  using _leaving = new Interruptible();
  const source = await findSource(client, from, followLink);
  const request = (streamID: string) =>
    client.request("containers.copyOut", { ...from, path: source.path, followLink: false, streamID });
  if (target === "-") {
    await using archive = await openArchiveOutput("copy", "-");
    await download(client, (bytes) => archive.write(bytes), request);
    await archive.keep();
    return;
  }
  using unpacker = new LocalUnpacker(planCopy(source, localDestination(target)));
  const { bytes } = await download(client, (chunk) => unpacker.write(chunk), request);
  await unpacker.end();
  if (!quiet) cli.say(`Successfully copied ${formatBytes(bytes)} to ${target}`);
}

/** What is there: whether it is a directory decides what is made here. */
async function findSource(client: EngineClient, from: Place, followLink: boolean): Promise<CopyEnd> {
  const stat = await client.request("containers.statPath", from);
  const isLink = (stat.mode & constants.S_IFMT) === constants.S_IFLNK;
  if (!isLink || !followLink) {
    const isDirectory = (stat.mode & constants.S_IFMT) === constants.S_IFDIR;
    return { path: from.path, exists: true, isDirectory, rebaseName: "" };
  }
  const followed = followedSource(from.path, stat.linkTarget);
  const { mode } = await client.request("containers.statPath", { container: from.container, path: followed.path });
  return { ...followed, exists: true, isDirectory: (mode & constants.S_IFMT) === constants.S_IFDIR };
}

/** docker's check before anything is asked of the engine. */
function checkOutputPath(path: string): void {
  const directory = posix.dirname(clean(path));
  if (directory !== "." && statSync(directory, { throwIfNoEntry: false }) === undefined) {
    throw new EngineError(
      "invalid-argument",
      `invalid output path: directory ${JSON.stringify(directory)} does not exist`,
    );
  }
  const stat = statSync(clean(path), { throwIfNoEntry: false });
  if (!stat?.isCharacterDevice() && !stat?.isBlockDevice()) return;
  throw new EngineError(
    "invalid-argument",
    `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
  );
}
