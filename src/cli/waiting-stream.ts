import type { EngineClient } from "../client/connection.ts";
import { newStreamID } from "../client/stream-id.ts";
import type { ByteStream } from "../client/streams.ts";

/** Milliseconds, well below the engine's ten seconds. */
const waitsWithoutDoubt = 5_000;

type Client = Pick<EngineClient, "openStream">;

/**
 * The stream that will be attached, opened while the container is being created: it waits in the engine for the attach that names it, for
 * some seconds. Closed unless it is taken; opened anew where it was closed before, or has waited for too long: a volume that is being filled
 * with much from the image, or mounted from a slow server, takes its time.
 */
export class WaitingStream implements Disposable {
  readonly #client: Client;
  readonly #patience: number;
  readonly #openedAt = performance.now();
  #stream: Promise<ByteStream> | null;

  constructor(client: Client, patience = waitsWithoutDoubt) {
    this.#patience = patience;
    this.#client = client;
    this.#stream = client.openStream(newStreamID());
    // A failure is told when it is its turn.
    this.#stream.catch(() => undefined);
  }

  take(): Promise<ByteStream> {
    if (performance.now() - this.#openedAt > this.#patience) this.close();
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
