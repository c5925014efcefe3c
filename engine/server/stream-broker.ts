import type { WebSocket } from "ws";
import { EngineError } from "../errors.ts";
import { streamIDPattern } from "../protocol/streams.ts";
import { ByteStream } from "./byte-stream.ts";

type Expected = { readonly take: (stream: ByteStream) => void };
type Offered = { readonly stream: ByteStream; readonly timer: NodeJS.Timeout };

/** Brings a request and the socket of its byte stream together, in either order. */
export class StreamBroker {
  readonly #patience: number;
  readonly #expected = new Map<string, Expected>();
  readonly #offered = new Map<string, Offered>();

  /** patience: milliseconds that each half waits for the other. */
  constructor(patience = 10_000) {
    this.#patience = patience;
  }

  /** Fails with `invalid-argument` for a bad or used id, `unavailable` when no socket came in time, `cancelled`. */
  expect(streamID: string, signal: AbortSignal): Promise<ByteStream> {
    if (!streamIDPattern.test(streamID)) {
      return Promise.reject(new EngineError("invalid-argument", `stream id ${JSON.stringify(streamID)} is not a UUID`));
    }
    const offered = this.#offered.get(streamID);
    if (offered !== undefined) {
      clearTimeout(offered.timer);
      this.#offered.delete(streamID);
      return Promise.resolve(offered.stream);
    }
    if (this.#expected.has(streamID)) {
      return Promise.reject(new EngineError("invalid-argument", `stream id ${streamID} is in use by another request`));
    }
    return this.#wait(streamID, signal);
  }

  /** Takes a client's socket. */
  offer(streamID: string, webSocket: WebSocket): void {
    if (this.#offered.has(streamID)) {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.close(4409, "stream id is in use");
      return;
    }
    const stream = new ByteStream(webSocket);
    const expected = this.#expected.get(streamID);
    if (expected !== undefined) {
      expected.take(stream);
      return;
    }
    const timer = setTimeout(() => {
      this.#offered.delete(streamID);
      stream.fail(new EngineError("unavailable", "no request named this stream in time"));
    }, this.#patience);
    this.#offered.set(streamID, { stream, timer });
  }

  #wait(streamID: string, signal: AbortSignal): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        this.#expected.delete(streamID);
      };
      const onAbort = () => {
        done();
        reject(new EngineError("cancelled", "the client went before its stream came"));
      };
      const timer = setTimeout(() => {
        done();
        reject(new EngineError("unavailable", `stream ${streamID} was not opened within ${this.#patience / 1000} s`));
      }, this.#patience);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) return onAbort();
      this.#expected.set(streamID, {
        take: (stream) => {
          done();
          resolve(stream);
        },
      });
    });
  }
}
