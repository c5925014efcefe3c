import { EngineError, messageOf } from "../../engine/errors.ts";
import { protocolVersion, stopNotice } from "../../engine/protocol/constants.ts";
import type { MethodName, MethodParams, MethodResult } from "../../engine/protocol/methods.ts";
import type { EngineMessage, Progress, WireError } from "../../engine/protocol/rpc.ts";
import type { Handshake } from "../../engine/protocol/system.ts";
import type { TopicItem, TopicName, TopicParams } from "../../engine/protocol/topics.ts";
import { EngineSocket } from "./engine-socket.ts";
import { Inbox } from "./inbox.ts";
import { loadSchemas, type Schemas } from "./lazy-schemas.ts";
import { parseQuickly } from "./quick-check.ts";
import { type ByteStream, openStream } from "./streams.ts";
import { clientVersion } from "./version.ts";

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

type Parse<R> = (schemas: Schemas, result: unknown) => R;
type Pending = {
  readonly settle: (schemas: Schemas, result: unknown) => void;
  readonly fail: (error: EngineError) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
};
type ItemParams = Extract<EngineMessage, { method: "item" }>["params"];
type OpenSubscription = { sequence: number; readonly take: (schemas: Schemas, item: unknown) => void };

/** Connects and shakes hands. Fails with `unavailable`, `permission-denied`, or `failed-precondition` for another version. */
export async function connectEngine(options: ConnectOptions): Promise<EngineClient> {
  const params = { protocolVersion, clientName: options.clientName ?? "gantry", clientVersion };
  // Sent with the upgrade: one round trip less.
  const handshake = formatRequest(handshakeID, "system.handshake", params);
  const connection = new Connection(await EngineSocket.open(options.socket, "/rpc", handshake), options.socket);
  try {
    await connection.shakenHands;
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

const handshakeID = 1;

class Connection implements EngineClient {
  readonly shakenHands: Promise<void>;
  readonly #socket: EngineSocket;
  readonly #socketPath: string;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, OpenSubscription>();
  readonly #closeListeners = new Set<(reason: EngineError | null) => void>();
  readonly #inbox = new Inbox((schemas, text) => this.#receive(schemas, text));
  #engine: Handshake | null = null;
  #nextID = handshakeID + 1;
  /** Undefined while the connection stands. */
  #ended: EngineError | null | undefined = undefined;

  constructor(socket: EngineSocket, socketPath: string) {
    this.#socket = socket;
    this.#socketPath = socketPath;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.shakenHands = promise;
    this.#pending.set(handshakeID, { settle: () => {}, fail: reject, onProgress: undefined });
    socket.listen({
      message: (bytes) => {
        const text = bytes.toString();
        if (this.#engine === null) this.#greet(text, { resolve, reject });
        else this.#inbox.take(text);
      },
      close: (reason, cause) => {
        this.#inbox.afterKept(() => this.#end(endOf(reason, cause)));
      },
    });
    socket.resume();
  }

  get engine(): Handshake {
    if (this.#engine === null) throw new EngineError("internal", "connection used before its handshake");
    return this.#engine;
  }

  request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options: RequestOptions = {},
  ): Promise<MethodResult<M>> {
    return this.#call(method, params, options, (schemas, result) => parseResult(schemas, method, result));
  }

  subscribe<T extends TopicName>(
    topic: T,
    params: TopicParams<T>,
    onItem: (item: TopicItem<T>) => void,
  ): Promise<Subscription> {
    // Registered in the very turn of the answer: the first items may follow it in the same chunk.
    return this.#call("subscribe", { topic, params }, {}, (schemas, result) => {
      const { subscriptionID } = parseResult(schemas, "subscribe", result);
      const take = ({ topics }: Schemas, item: unknown) =>
        onItem(parseQuickly(topics[topic].item, item) as TopicItem<T>);
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
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call<R>(method: string, params: unknown, options: RequestOptions, parse: Parse<R>): Promise<R> {
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
        settle: (schemas, result) => {
          done();
          try {
            resolve(parse(schemas, result));
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
      this.#socket.send(formatRequest(id, method, params));
      void loadSchemas();
    });
  }

  /** The first answer is looked at without schemas, so that the first request need not wait for them. */
  #greet(text: string, shake: { resolve: () => void; reject: (reason: unknown) => void }): void {
    const engine = findHandshake(text);
    if (engine?.protocolVersion === protocolVersion) {
      this.#pending.delete(handshakeID);
      this.#engine = engine;
      shake.resolve();
    } else if (engine !== null) shake.reject(otherVersion(engine));
    // A refusal: the inbox gives its reason.
    else this.#inbox.take(text);
  }

  #receive(schemas: Schemas, text: string): void {
    try {
      this.#dispatch(schemas, schemas.engineMessage.parse(JSON.parse(text)));
    } catch (cause) {
      this.#end(cause instanceof EngineError ? cause : unreadable("a message", cause));
      this.#socket.terminate();
    }
  }

  #dispatch(schemas: Schemas, message: EngineMessage): void {
    if ("id" in message) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error === undefined) pending?.settle(schemas, message.result);
      else pending?.fail(fromWire(message.error));
    } else if (message.method === "progress") {
      this.#pending.get(message.params.requestID)?.onProgress?.(message.params.progress);
    } else {
      this.#takeItem(schemas, message.params);
    }
  }

  #takeItem(schemas: Schemas, { subscriptionID, sequence, item }: ItemParams): void {
    const subscription = this.#subscriptions.get(subscriptionID);
    if (subscription === undefined) return;
    subscription.sequence += 1;
    if (sequence !== subscription.sequence) {
      throw new EngineError(
        "corrupt",
        `subscription ${subscriptionID}: item ${sequence} came for ${subscription.sequence}`,
      );
    }
    subscription.take(schemas, item);
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

function parseResult<M extends MethodName>(schemas: Schemas, method: M, result: unknown): MethodResult<M> {
  return parseQuickly(schemas.methods[method].result, result) as MethodResult<M>;
}

function formatRequest(id: number, method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** The handshake in the text of an answer, or null for anything else. */
function findHandshake(text: string): Handshake | null {
  const { result } = JSON.parse(text) as { readonly result?: Partial<Handshake> };
  if (typeof result?.protocolVersion !== "number" || typeof result.pid !== "number") return null;
  const { protocolVersion: version, pid, engineVersion = "", epoch = "", startedAt = "" } = result;
  return { protocolVersion: version, pid, engineVersion, epoch, startedAt };
}

function fromWire(error: WireError): EngineError {
  return new EngineError(error.data?.code ?? "internal", error.message, {
    hint: error.data?.hint ?? null,
    exitCode: error.data?.exitCode ?? null,
  });
}

/** Someone told the engine to stop: starting it again is for a person to say. */
export class EngineStopped extends EngineError {}

function endOf(reason: string, cause: unknown): EngineError {
  if (reason !== stopNotice) return lost(reason === "" ? "the engine closed it" : reason, cause);
  return new EngineStopped("unavailable", "the engine was stopped; containers go on running", {
    cause,
    hint: "start it with: gantry engine start",
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
