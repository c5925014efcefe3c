import { lstat, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { isSocketAlive } from "./socket-listener.ts";

/** A symbolic link under a well-known name to a socket of ours, such as /var/run/docker.sock. */
export type SocketLink = {
  readonly link: string;
  readonly socket: string;
  /** A file that tells later processes where the link is. */
  readonly record: string;
};

/**
 * Makes the link, in the place of what a killed engine left there. Fails with `already-exists` where something listens, with
 * `failed-precondition` where a file that is no socket is in the way.
 */
export async function makeSocketLink({ link, socket, record }: SocketLink): Promise<void> {
  await removeSocketLink({ socket, record });
  await checkSocketLink(link, socket);
  const fresh = `${link}.${process.pid}.new`;
  try {
    // First the record: what is made after it is found again in any case.
    await writeFile(record, `${link}\n`, { mode: 0o600 });
    await mkdir(dirname(link), { recursive: true, mode: 0o755 });
    await rm(fresh, { force: true });
    await symlink(socket, fresh);
    await rename(fresh, link);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => {});
    throw new EngineError("failed-precondition", `link ${link} to ${socket}: ${messageOf(cause)}`, { cause });
  }
}

/** Fails as makeSocketLink would, and changes nothing. */
export async function checkSocketLink(link: string, socket: string): Promise<void> {
  const found = await lstat(link).catch(() => null);
  if (found === null || (await isOurs(link, socket))) return;
  if (await isSocketAlive(link)) {
    throw new EngineError("already-exists", `${link} belongs to an engine that runs`, {
      hint: "stop that one first, or give another path",
    });
  }
  if (!found.isSocket() && !found.isSymbolicLink()) {
    throw new EngineError("failed-precondition", `${link} is in the way: it is no socket`, { hint: "move it away" });
  }
}

/** Removes the link that the record tells of, where it still leads to the socket. Gives its path, or null. */
export async function removeSocketLink({ socket, record }: Omit<SocketLink, "link">): Promise<string | null> {
  const link = (await readFile(record, "utf8").catch(() => "")).trim();
  const isThere = link !== "" && (await isOurs(link, socket));
  if (isThere) await rm(link, { force: true });
  await rm(record, { force: true });
  return isThere ? link : null;
}

async function isOurs(link: string, socket: string): Promise<boolean> {
  return (await readlink(link).catch(() => null)) === socket;
}
