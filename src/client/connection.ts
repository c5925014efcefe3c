import type { WebSocket } from "ws";
import { EngineError, messageOf } from "../../engine/errors.ts";
import { type MethodName, type MethodParams, type MethodResult, methods } from "../../engine/protocol/methods.ts";
import { engineMessage, type Progress, protocolVersion, type WireError } from "../../engine/protocol/rpc.ts";
import type { Handshake } from "../../engine/protocol/system.ts";
import { type TopicItem, type TopicName, type TopicParams, topics } from "../../engine/protocol/topics.ts";
import { type ByteStream, openStream } from "./streams.ts";
import { clientVersion } from "./version.ts";
import { openWebSocket } from "./web-socket.ts";

export type ConnectOptions = {
  /** Path of the engine's unix socket. */
  readonly socket: string;
  /** Told to the engine, for its log. */
  readonly clientName?: string;
};

export type RequestOptions = {
  /** Ends the waiting, not the engine's work: that ends with its stream or with the connection. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
};

export type Subscription = { close(): void };

/**
 * One connection to an engine. It does not come back after a loss: see reconnect.ts. Requests fail with the engine's own
 * EngineError, or with `unavailable` when the connection is lost before the answer.
 */
export interface EngineClient extends Disposable {
  readonly engine: Handshake;
  request<M extends MethodName>(method: M, params: MethodParams<M>, options?: RequestOptions): Promise<MethodResult<M>>;
  /** Calls `onItem` for each item, in order and without a gap, until the subscription or the connection is closed. */
  subscribe<T extends TopicName>(
    topic: T,
    params: TopicParams<T>,
    onItem: (item: TopicItem<T>) => void,
  ): Promise<Subscription>;
  /** Opens the byte stream that a request names by `streamID`. */
  openStream(streamID: string): Promise<ByteStream>;
  /** Called once when the connection ends: null after close(), else the reason. At once if it has ended already. */
  onClose(listener: (reason: EngineError | null) => void): () => void;
  close(): void;
}

type Pending = {
  readonly settle: (result: unknown) => void;
  readonly fail: (error: EngineError) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
};
type OpenSubscription = { sequence: number; readonly take: (item: unknown) => void };

/** Connects and shakes hands. Fails with `unavailable`, `permission-denied`, or `failed-precondition` for another version. */
export async function connectEngine(options: ConnectOptions): Promise<EngineClient> {
  const connection = new Connection(await openWebSocket(options.socket, "/rpc"), options.socket);
  try {
    await connection.shakeHands(options.clientName ?? "gantry");
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

class Connection implements EngineClient {
  readonly #webSocket: WebSocket;
  readonly #socketPath: string;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, OpenSubscription>();
  readonly #closeListeners = new Set<(reason: EngineError | null) => void>();
  #engine: Handshake | null = null;
  #nextID = 1;
  /** Undefined while the connection stands. */
  #ended: EngineError | null | undefined = undefined;

  constructor(webSocket: WebSocket, socketPath: string) {
    this.#webSocket = webSocket;
    this.#socketPath = socketPath;
    webSocket.on("message", (data) => this.#receive(String(data)));
    webSocket.on("error", (cause) => this.#end(lost(messageOf(cause), cause)));
    webSocket.on("close", () => this.#end(lost("the engine closed it", undefined)));
  }

  get engine(): Handshake {
    if (this.#engine === null) throw new EngineError("internal", "connection used before its handshake");
    return this.#engine;
  }

  async shakeHands(clientName: string): Promise<void> {
    const engine = await this.request("system.handshake", { protocolVersion, clientName, clientVersion });
    if (engine.protocolVersion !== protocolVersion) throw otherVersion(engine);
    this.#engine = engine;
  }

  request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    return this.#call(method, params, options, (result) => parseResult(method, result));
  }

  subscribe<T extends TopicName>(
    topic: T,
    params: TopicParams<T>,
    onItem: (item: TopicItem<T>) => void,
  ): Promise<Subscription> {
    // Registered in the very turn of the answer: the first items may follow it in the same chunk.
    return this.#call("subscribe", { topic, params }, {}, (result) => {
      const { subscriptionID } = parseResult("subscribe", result);
      const take = (item: unknown) => onItem(topics[topic].item.parse(item) as TopicItem<T>);
      this.#subscriptions.set(subscriptionID, { sequence: 0, take });
      return { close: () => this.#unsubscribe(subscriptionID) };
    });
  }

  openStream(streamID: string): Promise<ByteStream> {
    return openStream({ socket: this.#socketPath, streamID });
  }

  onClose(listener: (reason: EngineError | null) => void): () => void {
    if (this.#ended !== undefined) listener(this.#ended);
    else this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  close(): void {
    this.#end(null);
    this.#webSocket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call<R>(method: string, params: unknown, options: RequestOptions, parse: (result: unknown) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended ?? lost("it was closed", undefined));
      if (options.signal?.aborted) return reject(cancelled(method));
      const id = this.#nextID++;
      const onAbort = () => {
        this.#pending.delete(id);
        reject(cancelled(method));
      };
      options.signal?.addEventListener("abort", onAbort, { once: true });
      const done = () => options.signal?.removeEventListener("abort", onAbort);
      this.#pending.set(id, {
        settle: (result) => {
          done();
          try {
            resolve(parse(result));
          } catch (cause) {
            reject(unreadable(method, cause));
          }
        },
        fail: (error) => {
          done();
          reject(error);
        },
        onProgress: options.onProgress,
      });
      this.#webSocket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  #receive(text: string): void {
    try {
      this.#dispatch(engineMessage.parse(JSON.parse(text)));
    } catch (cause) {
      this.#end(cause instanceof EngineError ? cause : unreadable("a message", cause));
      this.#webSocket.terminate();
    }
  }

  #dispatch(message: ReturnType<typeof engineMessage.parse>): void {
    if ("id" in message) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error === undefined) pending?.settle(message.result);
      else pending?.fail(fromWire(message.error));
    } else if (message.method === "progress") {
      this.#pending.get(message.params.requestID)?.onProgress?.(message.params.progress);
    } else {
      this.#takeItem(message.params.subscriptionID, message.params.sequence, message.params.item);
    }
  }

  #takeItem(subscriptionID: number, sequence: number, item: unknown): void {
    const subscription = this.#subscriptions.get(subscriptionID);
    if (subscription === undefined) return;
    subscription.sequence += 1;
    if (sequence !== subscription.sequence) {
      throw new EngineError(
        "corrupt",
        `subscription ${subscriptionID}: item ${sequence} came for ${subscription.sequence}`,
      );
    }
    subscription.take(item);
  }

  #unsubscribe(subscriptionID: number): void {
    if (!this.#subscriptions.delete(subscriptionID) || this.#ended !== undefined) return;
    // The engine forgets it with the connection at the latest, so a failure here has no consequence.
    this.request("unsubscribe", { subscriptionID }).catch(() => undefined);
  }

  #end(reason: EngineError | null): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const pending of this.#pending.values()) pending.fail(reason ?? lost("it was closed", undefined));
    this.#pending.clear();
    this.#subscriptions.clear();
    for (const listener of this.#closeListeners) listener(reason);
    this.#closeListeners.clear();
  }
}

function parseResult<M extends MethodName>(method: M, result: unknown): MethodResult<M> {
  return methods[method].result.parse(result) as MethodResult<M>;
}

function fromWire(error: WireError): EngineError {
  return new EngineError(error.data?.code ?? "internal", error.message, {
    hint: error.data?.hint ?? null,
    exitCode: error.data?.exitCode ?? null,
  });
}

function lost(reason: string, cause: unknown): EngineError {
  return new EngineError("unavailable", `connection to the engine lost: ${reason}`, {
    cause,
    hint: "containers go on running; see: gantry engine status",
  });
}

function cancelled(method: string): EngineError {
  return new EngineError("cancelled", `${method}: cancelled`);
}

function unreadable(what: string, cause: unknown): EngineError {
  return new EngineError("corrupt", `answer of the engine to ${what} cannot be read: ${messageOf(cause)}`, {
    cause,
    hint: "client and engine may be of different versions; restart it with: gantry engine stop",
  });
}

function otherVersion(engine: Handshake): EngineError {
  const which = `engine ${engine.engineVersion} (pid ${engine.pid}) speaks protocol ${engine.protocolVersion}`;
  return new EngineError("failed-precondition", `${which}, this client ${clientVersion} speaks ${protocolVersion}`, {
    hint: "stop the engine with its own version of gantry, then start it again; containers go on running",
  });
}
