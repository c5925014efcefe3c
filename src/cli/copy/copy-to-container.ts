import { constants } from "node:fs";
import { posix } from "node:path";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import type { PathStat } from "../../../engine/protocol/archives.ts";
import type { EngineClient } from "../../client/connection.ts";
import { copyIn } from "../../client/upload.ts";
import { formatBytes } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { Interruptible } from "../interrupt.ts";
import { type CopyEnd, localSource, planCopy, resolveLocal, splitEntry } from "./go-paths.ts";
import { packLocal } from "./pack-local.ts";

export type CopyToOptions = {
  readonly container: string;
  readonly path: string;
  readonly archive: boolean;
  readonly followLink: boolean;
  readonly quiet: boolean;
};

/** A file or directory of this host, or a tar on stdin, into a container. */
export async function copyToContainer(cli: Cli, sourcePath: string, options: CopyToOptions): Promise<void> {
  const { container, path, archive, quiet } = options;
  const local = sourcePath === "-" ? null : resolveLocal(sourcePath);
  const client = await cli.connect();
  using _leaving = new Interruptible();
  const destination = await findDestination(client, options);
  const fields = { container, keepOwner: archive, noOverwriteDirNonDir: true };
  if (local === null) {
    if (!destination.isDirectory) {
      throw new EngineError("invalid-argument", `destination "${container}:${path}" must be a directory`);
    }
    await copyIn(client, process.stdin, { ...fields, path: destination.path });
    return;
  }
  const source = findSource(local, options.followLink);
  const plan = planCopy(source, destination);
  const { bytes } = await copyIn(client, packLocal(source, plan.rename), { ...fields, path: plan.directory });
  if (!quiet) cli.say(`Successfully copied ${formatBytes(bytes)} to ${container}:${destination.path}`);
}

function findSource(path: string, followLink: boolean): CopyEnd {
  try {
    return localSource(path, followLink);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
    const reason = code === "ENOENT" ? "no such file or directory" : "not a directory";
    throw new EngineError("invalid-argument", `lstat ${path}: ${reason}`, { cause });
  }
}

/** Where the path leads in the container. One that is not there may become a file or directory, if its parent is. */
async function findDestination(client: EngineClient, { container, path }: CopyToOptions): Promise<CopyEnd> {
  let at = path;
  let stat = await findStat(client, container, at);
  if (stat !== null && isType(stat, constants.S_IFLNK)) {
    const { linkTarget } = stat;
    at = posix.isAbsolute(linkTarget) ? linkTarget : posix.join(splitEntry(path).directory, linkTarget);
    stat = await findStat(client, container, at);
  }
  if (stat !== null && (isType(stat, constants.S_IFCHR) || isType(stat, constants.S_IFBLK))) {
    throw new EngineError(
      "invalid-argument",
      `destination "${container}:${path}" must be a directory or a regular file: got a device`,
    );
  }
  return {
    path: at,
    exists: stat !== null,
    isDirectory: stat !== null && isType(stat, constants.S_IFDIR),
    rebaseName: "",
  };
}

/** Null also for what goes wrong otherwise: the copy itself then says why. */
async function findStat(client: EngineClient, container: string, path: string): Promise<PathStat | null> {
  try {
    return await client.request("containers.statPath", { container, path });
  } catch (error) {
    if (error instanceof EngineError && error.code === "unavailable") throw error;
    if (/^(no such container|container .* not found)/.test(messageOf(error))) throw error;
    return null;
  }
}

function isType({ mode }: PathStat, type: number): boolean {
  return (mode & constants.S_IFMT) === type;
}
