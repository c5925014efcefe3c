import type { WebSocket } from "ws";
import type * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import { JsonText } from "../lib/json-text.ts";
import { Throttle } from "../lib/throttle.ts";
import { type MethodName, methods } from "../protocol/methods.ts";
import { type Progress, protocolVersion, type RequestMessage, requestMessage } from "../protocol/rpc.ts";
import type { Call, Handler, Handlers } from "./call.ts";
import { Outbox } from "./outbox.ts";
import { parseParams } from "./params.ts";
import type { StreamBroker } from "./stream-broker.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { TopicParts } from "./topics.ts";
import { toWireError } from "./wire-error.ts";

export type SessionParts = TopicParts & { readonly handlers: Handlers; readonly streams: StreamBroker };

/** Requests of one client under way at once; `wait` of many containers is the usual reason for more than a few. */
const requestLimit = 1024;
/** Milliseconds between two progress messages of a request. */
const progressInterval = 100;

/** Milliseconds that a peer which broke the protocol has for reading why. */
const farewell = 1_000;

/** One control connection: requests run side by side and are answered as they finish; all of it ends when the client goes. */
export class Session {
  readonly #parts: SessionParts;
  readonly #outbox: Outbox;
  readonly #webSocket: WebSocket;
  readonly #gone = new AbortController();
  readonly #subscriptions: Subscriptions;
  #isGreeted = false;
  #requests = 0;

  constructor(webSocket: WebSocket, parts: SessionParts) {
    this.#parts = parts;
    this.#webSocket = webSocket;
    this.#outbox = new Outbox(webSocket);
    this.#subscriptions = new Subscriptions(this.#outbox, parts, this.#gone.signal);
    webSocket.on("message", (data) => void this.#receive(String(data)));
    // ws has sent the reason by now; cut off at once, the peer would lose it together with what it has not been asked to read.
    webSocket.on("error", () => setTimeout(() => webSocket.terminate(), farewell).unref());
    webSocket.once("close", () => this.#gone.abort(new EngineError("cancelled", "the client is gone")));
  }

  async #receive(text: string): Promise<void> {
    const request = parseRequest(text);
    if (request === null) {
      this.#webSocket.close(1007, "not a request of this protocol");
      return;
    }
    await this.#answer(request);
    // A client that asks and does not read is not listened to until it has read.
    if (!this.#outbox.isCongested) return;
    this.#webSocket.pause();
    await this.#outbox.ready();
    this.#webSocket.resume();
  }

  async #answer(request: RequestMessage): Promise<void> {
    const throttled = this.#progressOf(request.id);
    const afterwards: (() => void)[] = [];
    this.#requests += 1;
    try {
      const result = await this.#run(request, this.#callOf(throttled.report, afterwards));
      throttled.end();
      this.#outbox.send(formatResult(request.id, result));
      for (const next of afterwards) next();
    } catch (error) {
      throttled.end();
      if (!(error instanceof EngineError)) this.#parts.log.error(`${request.method} failed`, { error });
      this.#outbox.send(JSON.stringify({ jsonrpc: "2.0", id: request.id, error: toWireError(error) }));
    } finally {
      this.#requests -= 1;
    }
  }

  async #run(request: RequestMessage, call: Call): Promise<unknown> {
    const method = parseMethod(request.method);
    if (method !== "system.handshake" && !this.#isGreeted) {
      throw new EngineError("failed-precondition", `${method} came before system.handshake`);
    }
    if (this.#requests > requestLimit) {
      throw new EngineError("resource-exhausted", `more than ${requestLimit} requests of one client at once`);
    }
    const params = parseParams(methods[method].params, request.params ?? {}, method);
    if (method === "system.handshake") this.#greet(params as z.infer<(typeof methods)["system.handshake"]["params"]>);
    const handler = this.#parts.handlers[method] as Handler<MethodName>;
    return await handler(params as never, call);
  }

  #callOf(report: (progress: Progress) => void, afterwards: (() => void)[]): Call {
    return {
      signal: this.#gone.signal,
      report,
      openStream: (streamID) => this.#parts.streams.expect(streamID, this.#gone.signal),
      subscribe: (topic, params) => {
        const { subscriptionID, begin } = this.#subscriptions.add(topic, params);
        afterwards.push(begin);
        return subscriptionID;
      },
      unsubscribe: (subscriptionID) => this.#subscriptions.remove(subscriptionID),
    };
  }

  #greet(params: z.infer<(typeof methods)["system.handshake"]["params"]>): void {
    if (params.protocolVersion !== protocolVersion) {
      const older = params.protocolVersion < protocolVersion ? "gantry" : "the engine";
      throw new EngineError(
        "failed-precondition",
        `${params.clientName} ${params.clientVersion} speaks protocol ${params.protocolVersion}, the engine ${protocolVersion}`,
        { hint: `${older} is the older one; restart the engine with: gantry engine stop; containers go on running` },
      );
    }
    this.#isGreeted = true;
  }

  #progressOf(requestID: number): { report: (progress: Progress) => void; end: () => void } {
    let newest: Progress | null = null;
    const tell = (): void => {
      if (newest === null || this.#outbox.isCongested) return;
      const params = { requestID, progress: newest };
      newest = null;
      this.#outbox.send(JSON.stringify({ jsonrpc: "2.0", method: "progress", params }));
    };
    const throttle = new Throttle(progressInterval, tell);
    return {
      report: (progress) => {
        newest = progress;
        throttle.ask();
      },
      // Where it has come to in the end is told before the answer.
      end: () => {
        throttle[Symbol.dispose]();
        tell();
      },
    };
  }
}

function formatResult(id: number, result: unknown): string {
  if (result instanceof JsonText) return `{"jsonrpc":"2.0","id":${id},"result":${result.text}}`;
  return JSON.stringify({ jsonrpc: "2.0", id, result });
}

function parseRequest(text: string): RequestMessage | null {
  const parsed = requestMessage.safeParse(findJson(text));
  return parsed.success ? parsed.data : null;
}

function parseMethod(name: string): MethodName {
  if (Object.hasOwn(methods, name)) return name as MethodName;
  throw new EngineError("unimplemented", `the engine knows no method ${JSON.stringify(name)}`, {
    hint: "client and engine may be of different versions; restart it with: gantry engine stop",
  });
}
