import { EngineError, messageOf } from "../../engine/errors.ts";
import { type Channel, channel } from "../../engine/protocol/constants.ts";
import type { ClientControl } from "../../engine/protocol/streams.ts";
import { EngineSocket } from "./engine-socket.ts";
import { loadSchemas } from "./lazy-schemas.ts";

/** Takes bytes of one channel. The bytes stay valid. A promise holds the engine back until it resolves. */
export type StreamSink = (channel: Channel, bytes: Buffer) => Promise<void> | undefined;

export type StreamEnd = {
  /** Null: not a process, or we detached. */
  readonly exitCode: number | null;
};

/** One byte stream, see protocol/streams.ts. Output that comes before `onOutput` waits in the socket. */
export interface ByteStream {
  readonly streamID: string;
  onOutput(sink: StreamSink): void;
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** End of stdin, or of the upload. */
  end(): void;
  resize(rows: number, columns: number): void;
  /** Leaves the process running; the engine closes the stream. */
  detach(): void;
  /** Drops the stream at once. */
  close(): void;
  /** After all output has gone through the sink. Fails with the engine's error, or `unavailable` when the stream is lost. */
  readonly ended: Promise<StreamEnd>;
}

/** More than this unsent: write() waits. */
const highWaterBytes = 1 << 20;

/** Opens the socket of the stream. */
export async function openStream(options: { socket: string; streamID: string }): Promise<ByteStream> {
  const socket = await EngineSocket.open(options.socket, `/stream/${options.streamID}`);
  return new SocketStream(socket, options.streamID);
}

class SocketStream implements ByteStream {
  readonly streamID: string;
  readonly ended: Promise<StreamEnd>;
  readonly #socket: EngineSocket;
  readonly #settle: (end: StreamEnd) => void;
  readonly #fail: (error: EngineError) => void;
  #sink: StreamSink | null = null;
  /** Sinks that asked to wait. */
  #busySinks = 0;
  #end: StreamEnd | EngineError | null = null;
  #detached = false;
  #isEnding = false;

  constructor(socket: EngineSocket, streamID: string) {
    const { promise, resolve, reject } = Promise.withResolvers<StreamEnd>();
    this.streamID = streamID;
    this.ended = promise;
    // A stream nobody waits for may fail without taking the process down.
    promise.catch(() => undefined);
    this.#settle = resolve;
    this.#fail = reject;
    this.#socket = socket;
    socket.listen({
      message: (bytes, isBinary) => {
        if (isBinary) this.#takeBytes(bytes);
        else void this.#takeControl(bytes.toString());
      },
      close: (reason, cause) => {
        if (this.#isEnding) return;
        this.#finish(
          this.#detached ? { exitCode: null } : lost(reason === "" ? "the engine closed it" : reason, cause),
        );
      },
    });
  }

  onOutput(sink: StreamSink): void {
    this.#sink = sink;
    this.#socket.resume();
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const waits = this.#socket.unsentBytes > highWaterBytes;
      this.#socket.send(bytes, (cause) => {
        if (cause) reject(lost(messageOf(cause), cause));
        else if (waits) resolve();
      });
      if (!waits) resolve();
    });
  }

  end(): void {
    this.#control({ type: "end" });
  }

  resize(rows: number, columns: number): void {
    this.#control({ type: "resize", rows, columns });
  }

  detach(): void {
    this.#detached = true;
    this.#control({ type: "detach" });
    this.#socket.resume();
  }

  close(): void {
    this.#detached = true;
    this.#socket.terminate();
  }

  #control(message: ClientControl): void {
    if (this.#socket.isOpen) this.#socket.send(JSON.stringify(message));
  }

  #takeBytes(frame: Buffer): void {
    const number = frame[0];
    if (number !== channel.stdout && number !== channel.stderr && number !== channel.records) {
      this.#finish(new EngineError("corrupt", `stream of the engine: unknown channel ${number}`));
      this.#socket.terminate();
      return;
    }
    const waiting = this.#sink?.(number, frame.subarray(1));
    if (waiting === undefined) return;
    this.#busySinks += 1;
    this.#socket.pause();
    waiting.then(
      () => this.#sinkReady(),
      (cause) => this.#finish(EngineError.wrap("write output", cause)),
    );
  }

  #sinkReady(): void {
    this.#busySinks -= 1;
    if (this.#busySinks > 0) return;
    this.#socket.resume();
    if (this.#end !== null) this.#announce(this.#end);
  }

  /** The engine closes the socket right after its last message, which must count and not the closing. */
  async #takeControl(text: string): Promise<void> {
    this.#isEnding = true;
    try {
      const message = (await loadSchemas()).engineControl.parse(JSON.parse(text));
      this.#finish(message.type === "exit" ? message : new EngineError("internal", message.message));
    } catch (cause) {
      this.#finish(new EngineError("corrupt", `stream of the engine: ${messageOf(cause)}`, { cause }));
    }
  }

  /** The first end counts; it is told once the sink has taken all that came before it. */
  #finish(end: StreamEnd | EngineError): void {
    if (this.#end !== null) return;
    this.#end = end;
    if (this.#busySinks === 0 || end instanceof EngineError) this.#announce(end);
  }

  #announce(end: StreamEnd | EngineError): void {
    if (end instanceof EngineError) this.#fail(end);
    else this.#settle({ exitCode: end.exitCode });
    this.#socket.close();
  }
}

function lost(reason: string, cause: unknown): EngineError {
  return new EngineError("unavailable", `stream to the engine lost: ${reason}`, { cause });
}
