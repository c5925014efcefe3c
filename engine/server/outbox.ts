import type { WebSocket } from "ws";

/** More than this unsent: the source is asked to wait, so that a slow client costs no memory. */
const highWaterBytes = 1 << 20;

/** The sending side of a WebSocket, with a way to wait for room. */
export class Outbox {
  readonly #webSocket: WebSocket;
  #waiting: (() => void)[] = [];

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.once("close", () => this.#release());
  }

  get isCongested(): boolean {
    return this.#webSocket.bufferedAmount > highWaterBytes;
  }

  /** Does nothing once the socket is closed. Returns false to ask for a pause. onSent: the memory of `data` may be used again. */
  send(data: string | Uint8Array, onSent?: () => void): boolean {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return true;
    this.#webSocket.send(data, { binary: typeof data !== "string" }, () => {
      onSent?.();
      if (this.#waiting.length > 0 && !this.isCongested) this.#release();
    });
    return !this.isCongested;
  }

  /** Resolves when there is room, or when the socket is closed. */
  ready(): Promise<void> {
    if (!this.isCongested || this.#webSocket.readyState !== this.#webSocket.OPEN) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
