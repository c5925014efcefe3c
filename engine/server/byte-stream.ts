import type { WebSocket } from "ws";
import { EngineError, messageOf } from "../errors.ts";
import { InputQueue } from "../lib/input-queue.ts";
import { findJson } from "../lib/json.ts";
import { type Channel, type ClientControl, clientControl, type EngineControl } from "../protocol/streams.ts";
import { Outbox } from "./outbox.ts";

/** Bytes. */
const largeFrame = 128 * 1024;
const mostSent = 4;

/** The engine's end of one byte stream, see protocol/streams.ts. Nothing is read from the client before `input` or `onControl`. */
export class ByteStream {
  readonly #webSocket: WebSocket;
  readonly #outbox: Outbox;
  readonly #gone = new AbortController();
  readonly #controls: ClientControl[] = [];
  readonly #sent: Buffer[] = [];
  #onControl: ((message: ClientControl) => void) | null = null;
  readonly #input: InputQueue;
  #isClosed = false;
  #isRead = false;

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    this.#outbox = new Outbox(webSocket);
    this.#input = new InputQueue({
      isPaused: () => webSocket.isPaused,
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
    });
    webSocket.pause();
    webSocket.on("message", (data, isBinary) => {
      if (!isBinary) this.#takeControl(String(data));
      else if (!this.#isClosed) this.#input.push(data as Buffer);
    });
    webSocket.on("error", () => webSocket.terminate());
    webSocket.once("close", () => {
      this.#input.end();
      this.#gone.abort(new EngineError("cancelled", "the client closed its stream"));
    });
  }

  /** Aborted when the client is gone or the stream was closed. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Sends bytes, which may be used again when it returns. False asks for a pause until ready(). */
  send(channel: Channel, bytes: Uint8Array): boolean {
    const memory = this.#memoryFor(bytes.length + 1);
    const frame = memory.subarray(0, bytes.length + 1);
    frame[0] = channel;
    frame.set(bytes, 1);
    return this.#outbox.send(frame, () => {
      if (memory.length >= largeFrame && this.#sent.length < mostSent) this.#sent.push(memory);
    });
  }

  ready(): Promise<void> {
    return this.#outbox.ready();
  }

  /** Terminal size, end of input and detach, in order; also those that came before. */
  onControl(listener: (message: ClientControl) => void): void {
    this.#onControl = listener;
    for (const message of this.#controls.splice(0)) listener(message);
    this.#read();
  }

  /** The client's bytes until its `end`, or until it goes. The socket is read no faster than this is iterated. */
  input(): AsyncGenerator<Buffer> {
    this.#read();
    return this.#input.read();
  }

  /** The process or the log ended: says so after all that was sent, and closes. */
  exit(exitCode: number | null): void {
    this.#finish({ type: "exit", exitCode });
  }

  fail(error: unknown): void {
    this.#finish({ type: "error", message: messageOf(error) });
  }

  close(): void {
    this.#isClosed = true;
    this.#webSocket.close(1000);
    // A paused socket would never see the other end's goodbye; what comes before it is dropped.
    this.#webSocket.resume();
  }

  /** What large frames went in is used again: fresh memory costs more than the copy. */
  #memoryFor(size: number): Buffer {
    const memory = size < largeFrame ? undefined : this.#sent.pop();
    return memory === undefined || memory.length < size ? Buffer.allocUnsafe(size) : memory;
  }

  #finish(message: EngineControl): void {
    this.#outbox.send(JSON.stringify(message));
    this.close();
  }

  #read(): void {
    if (this.#isRead) return;
    this.#isRead = true;
    this.#webSocket.resume();
  }

  #takeControl(text: string): void {
    const message = parseControl(text);
    if (message === null) {
      this.#webSocket.close(1007, "not a control message of this protocol");
      return;
    }
    if (message.type === "end") this.#input.end();
    if (this.#onControl !== null) this.#onControl(message);
    else if (this.#controls.length < 16) this.#controls.push(message);
  }
}

function parseControl(text: string): ClientControl | null {
  const parsed = clientControl.safeParse(findJson(text));
  return parsed.success ? parsed.data : null;
}
