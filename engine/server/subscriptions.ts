import { EngineError } from "../errors.ts";
import { type TopicName, topics } from "../protocol/topics.ts";
import type { Outbox } from "./outbox.ts";
import { parseParams } from "./params.ts";
import { type Sink, type TopicOpener, type TopicParts, topicOpeners } from "./topics.ts";

/** A dashboard has some five. */
const limit = 256;

/** The subscriptions of one client. */
export class Subscriptions {
  readonly #outbox: Outbox;
  readonly #parts: TopicParts;
  readonly #gone: AbortSignal;
  readonly #open = new Map<number, AbortController>();
  #lastID = 0;

  constructor(outbox: Outbox, parts: TopicParts, gone: AbortSignal) {
    this.#outbox = outbox;
    this.#parts = parts;
    this.#gone = gone;
    gone.addEventListener("abort", () => {
      for (const controller of this.#open.values()) controller.abort();
      this.#open.clear();
    });
  }

  /** Gives the subscription's id, and what begins to send: to be called once the client was told the id. */
  add<T extends TopicName>(topic: T, params: unknown): { subscriptionID: number; begin: () => void } {
    if (this.#open.size >= limit) {
      throw new EngineError("resource-exhausted", `more than ${limit} subscriptions of one client at once`);
    }
    const opener = topicOpeners[topic] as TopicOpener<TopicName>;
    const start = opener(this.#parts, parseParams(topics[topic].params, params, `subscribe to ${topic}`));
    const subscriptionID = ++this.#lastID;
    const controller = new AbortController();
    this.#open.set(subscriptionID, controller);
    const begin = () => {
      if (this.#gone.aborted || controller.signal.aborted) return;
      const work = async () => start(this.#sinkOf(subscriptionID, controller.signal));
      work().catch((error) => this.#parts.log.error(`topic ${topic} failed`, { error }));
    };
    return { subscriptionID, begin };
  }

  remove(subscriptionID: number): void {
    this.#open.get(subscriptionID)?.abort();
    this.#open.delete(subscriptionID);
  }

  #sinkOf(subscriptionID: number, signal: AbortSignal): Sink<TopicName> {
    const outbox = this.#outbox;
    let sequence = 0;
    return {
      emit: (item) => {
        sequence += 1;
        outbox.send(JSON.stringify({ jsonrpc: "2.0", method: "item", params: { subscriptionID, sequence, item } }));
      },
      get isCongested() {
        return outbox.isCongested;
      },
      ready: () => outbox.ready(),
      signal,
    };
  }
}
