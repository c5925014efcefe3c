import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ClientStream } from "../containers/join-session.ts";
import { EngineError } from "../errors.ts";
import { hasHungUp } from "../host/hang-up.ts";
import { InputQueue } from "../lib/input-queue.ts";
import { leaveGarbage } from "../lib/young-garbage.ts";
import { appendFrame, frameHead } from "./stream-frame.ts";

/** More than this unsent: the source is asked to wait. */
const highWaterBytes = 1024 * 1024;
/** Milliseconds between two looks whether a client that has ended its input is still there to read. */
const lookInterval = 5_000;
/** Milliseconds a client has to close its end of a connection that we have ended. */
const closePatience = 10_000;

/** A connection that is no HTTP any more: bytes both ways; those for the client with a head before each piece where it is framed. */
export class HijackedStream implements ClientStream {
  readonly #socket: Duplex;
  readonly isFramed: boolean;
  readonly #gone = new AbortController();
  readonly #input: InputQueue;
  #isEnding = false;

  /** socket: a connection, or the stream of a WebSocket. */
  constructor(socket: Duplex, isFramed: boolean) {
    this.#socket = socket;
    this.isFramed = isFramed;
    this.#input = new InputQueue({
      isPaused: () => socket.isPaused(),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    });
    // Read at all times, else a client that goes is not noticed.
    socket.on("data", (bytes: Buffer) => {
      if (!this.#isEnding) this.#input.push(bytes);
    });
    socket.once("end", () => this.#endInput());
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#leave());
    socket.resume();
    if (socket.destroyed) this.#leave();
  }

  /** Aborted when the client is gone, or end() was called. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  send(stream: 1 | 2, bytes: Uint8Array): boolean {
    return this.write(this.isFramed ? framed(stream, bytes) : Buffer.from(bytes));
  }

  /** Sends bytes as they are, and keeps them. */
  write(bytes: Buffer): boolean {
    if (this.#gone.signal.aborted) return true;
    leaveGarbage(bytes.length);
    this.#socket.write(bytes);
    return this.#socket.writableLength <= highWaterBytes;
  }

  ready(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableLength <= highWaterBytes) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  /** What the client sends until it ends its half or goes. */
  input(): AsyncGenerator<Buffer> {
    return this.#input.read();
  }

  /** Ends our half after all that was sent. What the client sends from now on is dropped: unread, it would cost it the rest of the output. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#leave();
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), closePatience).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** A failure, in docker's way: as output. */
  fail(message: string): void {
    this.send(1, Buffer.from(`${message}\r\n`));
    this.end();
  }

  #leave(): void {
    this.#input.end();
    this.#gone.abort(new EngineError("cancelled", "the connection was closed"));
  }

  #endInput(): void {
    this.#input.end();
    // Nobody ends half of a WebSocket.
    if (!(this.#socket instanceof Socket)) return void this.#socket.destroy();
    const socket = this.#socket;
    const look = setInterval(() => {
      const descriptor = descriptorOf(socket);
      if (descriptor === null || hasHungUp(descriptor)) socket.destroy();
    }, lookInterval).unref();
    socket.once("close", () => clearInterval(look));
  }
}

function framed(stream: 1 | 2, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHead + bytes.length);
  frame.set(bytes, appendFrame(frame, 0, { stream, length: bytes.length }));
  return frame;
}

/** Null where the socket is closed. */
function descriptorOf(socket: Socket): number | null {
  const { _handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  const descriptor = _handle?.fd ?? -1;
  return descriptor < 0 ? null : descriptor;
}
