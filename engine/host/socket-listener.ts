import { chmod, chown, lstat, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { EngineError, messageOf } from "../errors.ts";
import { findGroup } from "./groups.ts";

/** Connections that may wait to be taken. A client that finds no place fails at once; the kernel's own limit is mostly lower. */
const backlog = 4096;
const deadCodes = ["ECONNREFUSED", "ENOENT", "ENOTDIR"];

/**
 * Listens on a unix socket with mode 0660 and group `gantry` where that group exists, else 0600. A stale socket is replaced, a living one
 * never: fails with `already-exists`.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await removeStaleSocket(path);
  await listen(server, path);
}

/** Removes what a killed engine left. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) {
    throw new EngineError("failed-precondition", `${path} is in the way: it is no socket`, { hint: "move it away" });
  }
  if (await isSocketAlive(path)) throw new EngineError("already-exists", `an engine already listens on ${path}`);
  await rm(path, { force: true });
}

/** Only a socket that nobody listens on any more is dead: one with too many who wait, or that is not ours to reach, is not. */
export function isSocketAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(!deadCodes.includes(error.code ?? "")));
  });
}

async function listen(server: Server, path: string): Promise<void> {
  // The socket is made within this call of listen, so that it never is open to others, not even for a moment.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ path, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
      process.umask(umask);
    });
  } catch (error) {
    throw new EngineError("unavailable", `listen on ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    process.umask(umask);
  }
  const group = await findGroup("gantry");
  if (group === null) return;
  await chown(path, 0, group);
  await chmod(path, 0o660);
}
