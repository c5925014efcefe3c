import { messageOf } from "../errors.ts";
import type { EngineEvent } from "../protocol/events.ts";

export type EventFields = Pick<EngineEvent, "type" | "action" | "id"> & {
  readonly attributes?: Readonly<Record<string, string>>;
};

const capacity = 1000;

/** Tells what happened, in order, after it is durable. Keeps the last 1,000 for `since`. */
export class EventBus {
  readonly #kept: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #lastNano = 0n;

  /** Never fails: what happened has happened, and a listener that throws must not make it look otherwise. */
  publish(fields: EventFields): void {
    const event: EngineEvent = {
      ...fields,
      attributes: { ...fields.attributes },
      timeNano: this.#nextNano().toString(),
    };
    this.#kept.push(event);
    if (this.#kept.length > capacity) this.#kept.shift();
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        process.emitWarning(`a listener failed on event ${event.type} ${event.action}: ${messageOf(error)}`);
      }
    }
  }

  /** From now on, until the function it returns is called. */
  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Kept events at or after a time in nanoseconds since the epoch. */
  since(timeNano: bigint): readonly EngineEvent[] {
    return this.#kept.filter((event) => BigInt(event.timeNano) >= timeNano);
  }

  /** Strictly increasing, so that a time names one event; also where the clock was set back. */
  #nextNano(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastNano = now > this.#lastNano ? now : this.#lastNano + 1n;
    return this.#lastNano;
  }
}
