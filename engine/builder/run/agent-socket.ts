import { constants } from "node:fs";
import { chmod, chown, open, rm, stat } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream";
import { EngineError } from "../../errors.ts";

/** unix(7): sun_path with its end. */
const longestPath = 107;

export type AgentWish = {
  /** The agent's own, on the host. */
  readonly socket: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
};

/**
 * A socket with an owner and mode of its own at `path`, on which an ssh agent answers: the agent's own lets nobody in but its user and root,
 * and agents look who speaks to them (SO_PEERCRED). Fails with `failed-precondition` where no agent is.
 */
export async function openAgentSocket(path: string, { socket, mode, uid, gid }: AgentWish): Promise<AsyncDisposable> {
  if ((await stat(socket).catch(() => null))?.isSocket() !== true) {
    throw new EngineError("failed-precondition", `ssh agent: ${socket} is not a socket`, {
      hint: "start one with `eval $(ssh-agent)` and add keys with ssh-add",
    });
  }
  await using made = new AsyncDisposableStack();
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => join(client, socket, clients));
  made.defer(async () => {
    for (const client of clients) client.destroy();
    await new Promise<unknown>((resolve) => server.close(resolve));
    await rm(path, { force: true });
  });
  await listen(server, path);
  await chown(path, uid, gid);
  await chmod(path, mode);
  const kept = made.move();
  return { [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A path that is too long for the kernel's structure is given by a descriptor of its directory. */
async function listen(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  const isLong = Buffer.byteLength(path) > longestPath;
  const directory = isLong ? await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY) : null;
  try {
    const short = directory === null ? path : `/proc/self/fd/${directory.fd}/${basename(path)}`;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(short, resolve);
    });
  } finally {
    await directory?.close();
  }
}

function join(client: Socket, socket: string, clients: Set<Socket>): void {
  const agent = connect({ path: socket, allowHalfOpen: true });
  clients.add(client);
  // It ends both where one fails.
  pipeline(client, agent, client, () => {
    clients.delete(client);
    client.destroy();
    agent.destroy();
  });
}
