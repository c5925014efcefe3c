import { closeSync } from "node:fs";
import type { AttachSession } from "../container-runtime.ts";
import type { AttachEvent } from "./messages.ts";
import { errno, errors, sendPacket, shutdownWriting } from "./socket-calls.ts";
import { resizeTerminal } from "./terminal-size.ts";

type SessionCommand =
  | { readonly kind: "drop" }
  | { readonly kind: "consumed"; readonly bytes: number }
  | { readonly kind: "await-writable" };

export type SessionHost = {
  command(command: SessionCommand): void;
  /** The descriptor is closed, no event is awaited any more. */
  closed(): void;
};

type Chunk = { readonly stream: 1 | 2; readonly bytes: Buffer };

/** conmon reads packets into a buffer of its own: a larger one would be cut off. */
const packetSize = 8192;
/** Consumed bytes are told in steps, so that a keystroke's echo costs no message. */
const consumedStep = 64 * 1024;

/** One connection to conmon's attach socket, on the main thread; reads come from the worker, writes go straight to the kernel. */
export class ConmonSession implements AttachSession {
  readonly #descriptor: number;
  /** Of the conmon. */
  readonly directory: string;
  readonly #host: SessionHost;
  readonly #waiting: Chunk[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #listener: ((stream: 1 | 2, bytes: Buffer) => boolean) | null = null;
  #endListener: (() => void) | null = null;
  #paused = false;
  #delivering = false;
  #state: "open" | "closing" | "ended" = "open";
  #endTold = false;
  #consumed = 0;
  #writes: Promise<void> = Promise.resolve();
  #writable: PromiseWithResolvers<void> | null = null;

  constructor(descriptor: number, directory: string, host: SessionHost) {
    this.#descriptor = descriptor;
    this.directory = directory;
    this.#host = host;
  }

  onOutput(listener: (stream: 1 | 2, bytes: Buffer) => boolean): void {
    this.#listener = listener;
    this.#deliver();
  }

  onEnd(listener: () => void): void {
    this.#endListener = listener;
    this.#deliver();
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  write(bytes: Uint8Array): Promise<void> {
    // The caller may use its buffer again before our turn comes.
    const copy = Buffer.from(bytes);
    this.#writes = this.#writes.then(() => this.#writeAll(copy));
    return this.#writes;
  }

  endInput(): void {
    this.#writes = this.#writes.then(() => {
      if (this.#state === "open") shutdownWriting(this.#descriptor);
    });
  }

  resize(rows: number, columns: number): Promise<void> {
    return resizeTerminal(this.directory, rows, columns);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#waiting.length = 0;
      this.#writable?.resolve();
      this.#host.command({ kind: "drop" });
    }
    await this.#closed.promise;
  }

  /** From the worker. */
  handle(event: AttachEvent): void {
    if (event.kind === "end" || event.kind === "dropped") this.lose();
    else if (event.kind === "writable") this.#writable?.resolve();
    else if (this.#state === "open") this.#receive(event);
  }

  #receive(event: Extract<AttachEvent, { kind: "output" }>): void {
    const bytes = Buffer.from(event.bytes.buffer, event.bytes.byteOffset, event.bytes.length);
    let start = 0;
    for (let index = 0; index < event.segments.length; index += 2) {
      const length = event.segments[index + 1] ?? 0;
      this.#waiting.push({ stream: event.segments[index] === 2 ? 2 : 1, bytes: bytes.subarray(start, start + length) });
      start += length;
    }
    this.#deliver();
  }

  /** Nothing more will come: closes the descriptor, which the worker has let go. */
  lose(): void {
    if (this.#state === "ended") return;
    const wasOpen = this.#state === "open";
    this.#state = "ended";
    closeSync(this.#descriptor);
    this.#writable?.resolve();
    this.#host.closed();
    this.#closed.resolve();
    if (wasOpen) this.#deliver();
    else this.#endTold = true;
  }

  #deliver(): void {
    // A listener may call resume() from inside.
    if (this.#delivering || this.#listener === null) {
      this.#tellEnd();
      return;
    }
    this.#delivering = true;
    try {
      while (!this.#paused) {
        const chunk = this.#waiting.shift();
        if (chunk === undefined) break;
        if (!this.#listener(chunk.stream, chunk.bytes)) this.#paused = true;
        this.#count(chunk.bytes.length);
      }
    } finally {
      this.#delivering = false;
    }
    this.#tellEnd();
  }

  #count(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < consumedStep || this.#state !== "open") return;
    this.#host.command({ kind: "consumed", bytes: this.#consumed });
    this.#consumed = 0;
  }

  #tellEnd(): void {
    if (this.#state !== "ended" || this.#endTold || this.#delivering || this.#waiting.length > 0) return;
    if (this.#endListener === null) return;
    this.#endTold = true;
    this.#endListener();
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let start = 0;
    while (start < bytes.length && this.#state === "open") {
      const packet = bytes.subarray(start, start + packetSize);
      if (sendPacket(this.#descriptor, packet) >= 0) {
        start += packet.length;
        continue;
      }
      const reason = errno();
      if (reason === errors.EINTR) continue;
      // The process has ended: what is written to it goes nowhere, as with a pipe to a program that has gone.
      if (reason !== errors.EAGAIN) return;
      await this.#untilWritable();
    }
  }

  async #untilWritable(): Promise<void> {
    this.#writable = Promise.withResolvers();
    this.#host.command({ kind: "await-writable" });
    await this.#writable.promise;
    this.#writable = null;
  }
}
