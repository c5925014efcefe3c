import { EngineError } from "../../engine/errors.ts";
import type { EngineClient } from "../client/connection.ts";
import { newStreamID } from "../client/stream-id.ts";
import type { ByteStream } from "../client/streams.ts";
import { TerminalSession } from "../client/terminal-session.ts";
import { outputOf } from "./output.ts";
import { SignalProxy } from "./signals.ts";

export type ForegroundOptions = {
  readonly container: string;
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: Buffer;
  readonly proxySignals: boolean;
  /** Which end to wait for; `removed` where the engine removes it by itself. */
  readonly until: "next-exit" | "removed" | "stopped";
  /** Starts it, once we are connected; absent: it runs already. */
  readonly start?: () => Promise<unknown>;
};

/**
 * Stays with a container until it ends or the user detaches: terminal or pipes, signals, exit code. Null: detached. `stream` may
 * be opened beforehand to save time.
 */
export async function stayWith(
  client: EngineClient,
  options: ForegroundOptions,
  opening: Promise<ByteStream> = client.openStream(newStreamID()),
): Promise<number | null> {
  const stream = await opening;
  const { container, terminal, stdin } = options;
  await client.request("containers.attach", { container, streamID: stream.streamID, stdin });
  const exit = client.request("containers.wait", { container, condition: options.until });
  exit.catch(() => undefined);
  using session = new TerminalSession({
    stream,
    terminal,
    input: stdin ? process.stdin : null,
    get stdout() {
      return options.stdout ? outputOf("stdout") : null;
    },
    get stderr() {
      return options.stderr ? outputOf("stderr") : null;
    },
    detachKeys: options.detachKeys,
  });
  using _signals = options.proxySignals ? proxySignals(client, options) : null;
  if (options.start !== undefined) {
    await options.start();
    // The terminal exists only now; a change of size in between would have been lost.
    session.resize();
  }
  const end = await session.ended;
  if (end.detached) return null;
  return (await exit).exitCode;
}

/** Who insists gets out, and leaves the container alone. */
const insistence = 3;

function proxySignals(client: EngineClient, options: ForegroundOptions): SignalProxy {
  let asked = 0;
  return new SignalProxy((signal) => {
    if (signal === "SIGINT" || signal === "SIGTERM") asked += 1;
    if (asked > insistence) process.exit(1);
    client.request("containers.kill", { container: options.container, signal }).catch((error) => {
      // It has ended meanwhile, or has not started yet.
      if (error instanceof EngineError && error.code === "unavailable") process.exit(1);
    });
  });
}
