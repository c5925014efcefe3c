import type { ServerResponse } from "node:http";
import type { ApiCall } from "./api-call.ts";
import { errorBody } from "./api-error.ts";

/**
 * An answer that comes line by line, as docker tells how far a pull has come. Its status is sent with the first line: before it a failure can
 * still be an answer of its own.
 */
export class JsonLines {
  readonly #call: ApiCall;

  constructor(call: ApiCall) {
    this.#call = call;
  }

  get isBegun(): boolean {
    return this.#response.headersSent;
  }

  send(line: object): void {
    if (this.#call.signal.aborted || this.#response.destroyed) return;
    if (!this.isBegun) this.#response.writeHead(200, { "Content-Type": "application/json" });
    // Go's clients read lines that end like this.
    this.#response.write(`${JSON.stringify(line)}\r\n`);
  }

  /** The same for a line that the next one of its kind makes worthless: a client that is slow does not get it. */
  offer(line: object): void {
    if (!this.#response.writableNeedDrain) this.send(line);
  }

  end(): void {
    this.#response.end();
  }

  /** Ends with a failure: the status was a good one already. */
  fail(error: unknown): void {
    const { message } = errorBody(error);
    this.send({ errorDetail: { message }, error: message });
    this.end();
  }

  get #response(): ServerResponse {
    return this.#call.response;
  }
}
