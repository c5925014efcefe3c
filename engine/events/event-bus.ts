import { messageOf } from "../errors.ts";
import type { EngineEvent } from "../protocol/events.ts";
import type { EventHistory } from "./event-history.ts";

export type EventFields = Pick<EngineEvent, "type" | "action" | "id"> & {
  readonly attributes?: Readonly<Record<string, string>>;
  /** One of many that are alike, such as those of health checks: kept for a short while only. */
  readonly isRoutine?: boolean;
};

const capacity = 1000;
const routineCapacity = 500;

type Kept = { readonly nano: bigint; readonly event: EngineEvent };

/**
 * Tells what happened, in order, after it is durable. Keeps the last 1,000 for `since`, with a history those of earlier engines as well;
 * of routine events, which would push out all others, the last 500.
 */
export class EventBus {
  readonly #kept: Kept[];
  readonly #routine: Kept[] = [];
  readonly #history: Pick<EventHistory, "append"> | null;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #lastNano = 0n;

  constructor(history: Pick<EventHistory, "append" | "read"> | null = null) {
    this.#history = history;
    const before = (history?.read() ?? []).slice(-capacity);
    this.#kept = before.map((event) => ({ nano: BigInt(event.timeNano), event }));
    this.#lastNano = this.#kept.at(-1)?.nano ?? 0n;
  }

  /** Time of the newest event. */
  get lastNano(): bigint {
    return this.#lastNano;
  }

  /** Never fails: what happened has happened, and a listener that throws must not make it look otherwise. */
  publish({ isRoutine = false, ...fields }: EventFields): void {
    const nano = this.#nextNano();
    const event: EngineEvent = { ...fields, attributes: { ...fields.attributes }, timeNano: nano.toString() };
    const [kept, most] = isRoutine ? [this.#routine, routineCapacity] : [this.#kept, capacity];
    kept.push({ nano, event });
    if (kept.length > most) kept.shift();
    if (!isRoutine) this.#history?.append(event);
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
    const [important, routine] = [tailOf(this.#kept, timeNano), tailOf(this.#routine, timeNano)];
    const all = routine.length === 0 ? important : [...important, ...routine].sort(byTime);
    return all.map(({ event }) => event);
  }

  /** Strictly increasing, so that a time names one event; also where the clock was set back. */
  #nextNano(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastNano = now > this.#lastNano ? now : this.#lastNano + 1n;
    return this.#lastNano;
  }
}

/** Mostly the newest are asked for: they are found from behind. */
function tailOf(kept: readonly Kept[], timeNano: bigint): readonly Kept[] {
  let start = kept.length;
  while (start > 0 && (kept[start - 1]?.nano ?? 0n) >= timeNano) start--;
  return kept.slice(start);
}

function byTime(one: Kept, other: Kept): number {
  return one.nano < other.nano ? -1 : 1;
}
