import { connect, type Socket } from "node:net";

/** A connection to a unix socket, byte for byte. */
export class RawSocket implements Disposable {
  readonly socket: Socket;
  text = "";
  readonly #closed = Promise.withResolvers<void>();

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
    });
    this.socket.on("error", () => {});
    this.socket.once("close", () => this.#closed.resolve());
    this.socket.once("end", () => this.#closed.resolve());
  }

  send(...lines: string[]): this {
    this.socket.write(lines.join("\r\n"), "latin1");
    return this;
  }

  /** When the other side has closed. Fails after some seconds. */
  async closed(seconds = 5): Promise<string> {
    const late = AbortSignal.timeout(seconds * 1000);
    await new Promise<void>((resolve, reject) => {
      late.addEventListener("abort", () => reject(new Error(`still open, after: ${this.text.slice(0, 500)}`)));
      void this.#closed.promise.then(resolve);
    });
    return this.text;
  }

  /** When what came fits the pattern. */
  async until(pattern: RegExp, seconds = 5): Promise<string> {
    for (const deadline = Date.now() + seconds * 1000; !pattern.test(this.text); ) {
      if (Date.now() > deadline) throw new Error(`not ${pattern}: ${this.text.slice(0, 500)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
