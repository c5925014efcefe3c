/**
 * The program that answers containers' questions for names: a process of its own, since they go on asking while the engine is down. Told
 * by the engine on a unix socket. `resolver-worker <run directory>`; ends by itself a while after its last container went.
 */
import { chmodSync, rmSync, statSync, watch, writeSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import * as z from "zod/mini";
import { messageOf } from "../../errors.ts";
import { writePidFile } from "../../host/pid-file.ts";
import { findJson } from "../../lib/json.ts";
import { Resolver } from "./resolver.ts";
import {
  type ResolverRequest,
  resolverPidFile,
  resolverRequest,
  resolverSocket,
  resolverVersion,
} from "./resolver-protocol.ts";

const idleMilliseconds = 60_000;

const run = process.argv[2] ?? "";
const config = { run };
const resolver = new Resolver();
let idle: NodeJS.Timeout | null = null;
let socketInode: number | undefined;

function end(): void {
  if (isOurs()) rmSync(resolverSocket(config), { force: true });
  process.exit(0);
}

/** False where the run directory was deleted, or another resolver has taken our place. */
function isOurs(): boolean {
  return statSync(resolverSocket(config), { throwIfNoEntry: false })?.ino === socketInode;
}

/** What nobody needs for a while goes. */
function watchIdle(): void {
  if (idle !== null) clearTimeout(idle);
  idle = resolver.size > 0 ? null : setTimeout(end, idleMilliseconds);
}

async function perform(request: ResolverRequest): Promise<string | null> {
  switch (request.kind) {
    case "put":
      await resolver.put(request.view);
      return null;
    case "drop":
      resolver.drop(request.container);
      return null;
    case "reset": {
      const failures = await resolver.reset(request.views);
      return failures.length === 0 ? null : failures.join("; ");
    }
    case "end":
      return end() ?? null;
  }
}

function serve(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.write(`${JSON.stringify({ version: resolverVersion })}\n`);
  // One after the other: what is put and dropped at once must end as it was asked for last.
  let turn = Promise.resolve();
  const lines = createInterface({ input: socket });
  lines.on("error", () => {});
  lines.on("line", (line) => {
    turn = turn.then(() => answer(socket, line));
  });
}

async function answer(socket: Socket, line: string): Promise<void> {
  const parsed = z.safeParse(resolverRequest, findJson(line));
  if (!parsed.success) return void socket.destroy();
  const error = await perform(parsed.data).catch(messageOf);
  watchIdle();
  if (!socket.destroyed) socket.write(`${JSON.stringify({ id: parsed.data.id, error })}\n`);
}

// A terminal's end, or an engine's that takes its group along, is none of ours.
for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => {});
process.on("SIGTERM", end);
// A packet that nobody thought of must not take all names away.
process.on("uncaughtException", () => {});

rmSync(resolverSocket(config), { force: true });
const server = createServer(serve);
server.on("error", () => process.exit(1));
server.listen(resolverSocket(config), () => {
  chmodSync(resolverSocket(config), 0o600);
  socketInode = statSync(resolverSocket(config)).ino;
  watch(resolverSocket(config), () => {
    if (!isOurs()) process.exit(0);
  });
  writePidFile(resolverPidFile(config));
  watchIdle();
  writeSync(1, "ready\n");
});
