import { EngineError } from "../../engine/errors.ts";
import type { MethodName, MethodParams, MethodResult } from "../../engine/protocol/methods.ts";
import type { Handshake } from "../../engine/protocol/system.ts";
import type { TopicItem, TopicName, TopicParams } from "../../engine/protocol/topics.ts";
import { type EngineClient, EngineStopped, type RequestOptions, type Subscription } from "./connection.ts";
import type { ByteStream } from "./streams.ts";

/** Times in milliseconds since the epoch. */
export type ConnectionState =
  | { readonly status: "connecting" }
  | { readonly status: "connected"; readonly engine: Handshake }
  | {
      readonly status: "lost";
      readonly since: number;
      readonly reason: EngineError;
      /** Someone stopped it, and nobody has asked for it since. */
      readonly isStopped: boolean;
    }
  | { readonly status: "closed" };

export type ConnectAttempt = { readonly mayStart: boolean };

export type ReconnectOptions = {
  /** Makes one connection; called again after each loss. Not `mayStart`: only to an engine that runs already. */
  readonly connect: (options: ConnectAttempt) => Promise<EngineClient>;
};

export type SubscribeHandlers<T extends TopicName> = {
  /** Asked at each new subscription, so that it can resume where the last one ended. */
  readonly params: () => TopicParams<T>;
  readonly onItem: (item: TopicItem<T>) => void;
  /** The engine refused this subscription; it is tried again after the next reconnection only. */
  readonly onError?: (error: EngineError) => void;
};

const firstDelay = 100;
const longestDelay = 2_000;

type Standing = { readonly open: (client: EngineClient) => void; active: Subscription | null };

/**
 * Keeps a connection for as long as a screen lives: connects, connects again after a loss with growing pauses, and subscribes
 * anew each time. Requests made while it is lost fail with `unavailable` at once. An engine that was stopped, unlike one that
 * crashed, is not started again before retryNow().
 */
export class ReconnectingClient implements Disposable {
  readonly #connect: (options: ConnectAttempt) => Promise<EngineClient>;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #standing = new Set<Standing>();
  #client: EngineClient | null = null;
  #state: ConnectionState = { status: "connecting" };
  #delay = firstDelay;
  #lostSince: number | null = null;
  #isStopped = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ReconnectOptions) {
    this.#connect = options.connect;
    void this.#tryConnect();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    return this.#connected().request(method, params, options);
  }

  async openStream(streamID: string): Promise<ByteStream> {
    return this.#connected().openStream(streamID);
  }

  /** Stands until closed, through any number of reconnections. */
  subscribe<T extends TopicName>(topic: T, handlers: SubscribeHandlers<T>): Subscription {
    const standing: Standing = {
      active: null,
      open: (client) => {
        client.subscribe(topic, handlers.params(), handlers.onItem).then(
          (subscription) => {
            if (this.#standing.has(standing)) standing.active = subscription;
            else subscription.close();
          },
          (error) => {
            // A lost connection is told by the state; whoever subscribed hears of refusals only.
            if (this.#client === client) handlers.onError?.(EngineError.wrap(`subscribe to ${topic}`, error));
          },
        );
      },
    };
    this.#standing.add(standing);
    if (this.#client !== null) standing.open(this.#client);
    return {
      close: () => {
        this.#standing.delete(standing);
        standing.active?.close();
        standing.active = null;
      },
    };
  }

  /** Tries now instead of after the pause, and may start an engine that was stopped. */
  retryNow(): void {
    this.#isStopped = false;
    if (this.#state.status === "lost" && this.#state.isStopped) this.#setState({ ...this.#state, isStopped: false });
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    void this.#tryConnect();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#setState({ status: "closed" });
    this.#client?.close();
    this.#client = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #connected(): EngineClient {
    if (this.#client !== null) return this.#client;
    if (this.#state.status === "lost") throw this.#state.reason;
    throw new EngineError("unavailable", "not connected to the engine yet", { hint: "try again in a moment" });
  }

  async #tryConnect(): Promise<void> {
    try {
      const client = await this.#connect({ mayStart: !this.#isStopped });
      if (this.#state.status === "closed") return client.close();
      this.#use(client);
    } catch (error) {
      this.#lose(EngineError.wrap("reach the engine", error));
    }
  }

  #use(client: EngineClient): void {
    this.#client = client;
    this.#lostSince = null;
    this.#isStopped = false;
    this.#delay = firstDelay;
    client.onClose((reason) => {
      if (this.#client !== client) return;
      this.#client = null;
      this.#isStopped = reason instanceof EngineStopped;
      for (const standing of this.#standing) standing.active = null;
      this.#lose(reason ?? new EngineError("unavailable", "connection to the engine closed"));
    });
    if (this.#client !== client) return;
    this.#setState({ status: "connected", engine: client.engine });
    for (const standing of this.#standing) standing.open(client);
  }

  #lose(reason: EngineError): void {
    if (this.#state.status === "closed") return;
    this.#lostSince ??= Date.now();
    const delay = this.#delay;
    this.#delay = Math.min(this.#delay * 2, longestDelay);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#tryConnect();
    }, delay);
    // That it still does not run is no news.
    if (this.#isStopped && this.#state.status === "lost" && this.#state.isStopped) return;
    this.#setState({ status: "lost", since: this.#lostSince, reason, isStopped: this.#isStopped });
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
