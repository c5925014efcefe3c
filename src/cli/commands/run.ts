import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import type { EngineClient } from "../../client/connection.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { createContainer } from "../create-container.ts";
import { addCreateOptions, type CreateOptions } from "../create-flags.ts";
import { toCreateRequest } from "../create-request.ts";
import { stayWith } from "../foreground.ts";
import { defaultDetachKeys, parseDetachKeys } from "../parse/detach-keys.ts";
import { UsageError } from "../parse/usage-error.ts";
import { WaitingStream } from "../waiting-stream.ts";

type RunOptions = CreateOptions & { detach?: true; detachKeys?: string; sigProxy?: false };

export function command(cli: Cli): Command {
  return addCreateOptions(newCommand(cli, "run", "[options] IMAGE [COMMAND] [ARG...]", "create and start a container"))
    .option("-d, --detach", "leave it in the background and print its id")
    .option("--detach-keys <keys>", `keys that detach (default: ${defaultDetachKeys})`)
    .option("--sig-proxy", "pass signals on to it (default)")
    .option("--no-sig-proxy", "keep signals")
    .action(async (image: string, words: string[], options: RunOptions) => {
      const here = { directory: process.cwd(), environment: cli.environment };
      const request = toCreateRequest(image, words, options, here);
      const code = options.detach ? await runDetached(cli, request, options) : await runHere(cli, request, options);
      cli.exitCode = code ?? 0;
    });
}

async function runDetached(cli: Cli, request: CreateRequest, options: RunOptions): Promise<number> {
  if (options.attach !== undefined) throw new UsageError("--detach and --attach exclude each other");
  const client = await cli.connect();
  const id = await createContainer(cli, client, request, options);
  await startOrRemove(client, id);
  cli.print(id);
  return 0;
}

async function runHere(cli: Cli, request: CreateRequest, options: RunOptions): Promise<number | null> {
  const streams = attachedStreams(options);
  const detachKeys = parseDetachKeys(options.detachKeys ?? defaultDetachKeys);
  if (request.terminal && streams.stdin && !process.stdin.isTTY) {
    throw new EngineError("invalid-argument", "the input device is not a TTY", { exitCode: 1 });
  }
  const client = await cli.connect();
  using waiting = new WaitingStream(client);
  // With a terminal stdin stays open: who detaches comes back.
  const asked = { ...request, stdinOnce: streams.stdin && !request.terminal };
  const id = await createContainer(cli, client, asked, { ...options, onPull: () => waiting.close() });
  let isStarting = false;
  const start = () => {
    isStarting = true;
    return startOrRemove(client, id);
  };
  try {
    return await stayWith(
      client,
      {
        container: id,
        terminal: request.terminal,
        ...streams,
        detachKeys,
        proxySignals: options.sigProxy !== false && !(request.terminal && streams.stdin),
        until: request.autoRemove ? "removed" : "next-exit",
        start,
      },
      waiting.take(),
    );
  } catch (error) {
    if (!isStarting) await removeFailed(client, id);
    throw error;
  }
}

/** One command, one outcome: a container that could not start would only stand in the way of the next try. */
async function startOrRemove(client: EngineClient, id: string): Promise<void> {
  try {
    await client.request("containers.start", { container: id });
  } catch (error) {
    await removeFailed(client, id);
    throw error;
  }
}

async function removeFailed(client: EngineClient, id: string): Promise<void> {
  // Gone already where the engine removed it.
  await client.request("containers.remove", { container: id, force: true, volumes: true }).catch(() => undefined);
}

function attachedStreams(options: RunOptions): { stdin: boolean; stdout: boolean; stderr: boolean } {
  const named = options.attach?.map((name) => name.toLowerCase());
  const unknown = named?.find((name) => !["stdin", "stdout", "stderr"].includes(name));
  if (unknown !== undefined) throw new UsageError(`invalid --attach "${unknown}": want stdin, stdout or stderr`);
  return {
    stdin: options.interactive === true && (named?.includes("stdin") ?? true),
    stdout: named?.includes("stdout") ?? true,
    stderr: named?.includes("stderr") ?? true,
  };
}
