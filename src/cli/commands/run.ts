import type { Command } from "commander";
import { EngineError } from "../../../engine/errors.ts";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import type { EngineClient } from "../../client/connection.ts";
import { newStreamID } from "../../client/stream-id.ts";
import type { ByteStream } from "../../client/streams.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { createContainer } from "../create-container.ts";
import { addCreateOptions, type CreateOptions } from "../create-flags.ts";
import { toCreateRequest } from "../create-request.ts";
import { stayWith } from "../foreground.ts";
import { defaultDetachKeys, parseDetachKeys } from "../parse/detach-keys.ts";
import { UsageError } from "../parse/usage-error.ts";

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
  return stayWith(
    client,
    {
      container: id,
      terminal: request.terminal,
      ...streams,
      detachKeys,
      proxySignals: options.sigProxy !== false && !(request.terminal && streams.stdin),
      until: request.autoRemove ? "removed" : "next-exit",
      start: () => startOrRemove(client, id),
    },
    waiting.take(),
  );
}

/**
 * The stream that will be attached, opened while the container is being created: it waits in the engine for the attach that names it, for
 * some seconds. Closed unless it is taken; opened anew where it was closed before.
 */
class WaitingStream implements Disposable {
  readonly #client: EngineClient;
  #stream: Promise<ByteStream> | null;

  constructor(client: EngineClient) {
    this.#client = client;
    this.#stream = client.openStream(newStreamID());
    // A failure is told when it is its turn.
    this.#stream.catch(() => undefined);
  }

  take(): Promise<ByteStream> {
    const stream = this.#stream ?? this.#client.openStream(newStreamID());
    this.#stream = null;
    return stream;
  }

  close(): void {
    this.#stream?.then(
      (opened) => opened.close(),
      () => undefined,
    );
    this.#stream = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One command, one outcome: a container that could not start would only stand in the way of the next try. */
async function startOrRemove(client: EngineClient, id: string): Promise<void> {
  try {
    await client.request("containers.start", { container: id });
  } catch (error) {
    // Gone already where the engine removed it.
    await client.request("containers.remove", { container: id, force: true, volumes: true }).catch(() => undefined);
    throw error;
  }
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
