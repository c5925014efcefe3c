import type { EngineEvent } from "../../engine/protocol/events.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import { eventSpans } from "../store/event-log.ts";
import type { Mirror, MirrorAction } from "../store/mirror.ts";
import type { Store } from "../store/store.ts";
import type { Ui, UiAction } from "../store/ui.ts";
import { Gathered } from "./gathered.ts";

export type EventFeedParts = {
  readonly client: Pick<ReconnectingClient, "subscribe">;
  readonly mirror: Store<Mirror, MirrorAction>;
  readonly ui: Store<Ui, UiAction>;
  readonly take: (action: MirrorAction) => void;
};

/** Milliseconds for which events are gathered. */
const gatherTime = 20;

/** Fetches what happened, and follows what happens, while somebody looks at it. */
export class EventFeed implements Disposable {
  readonly #parts: EventFeedParts;
  readonly #stop: () => void;
  #subscription: { close(): void } | null = null;
  #key = "";
  readonly #gathered: Gathered<EngineEvent>;

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
    // A week of history comes as thousands of items.
    this.#gathered = new Gathered(gatherTime, (events) => parts.take({ type: "events", key: this.#key, events }));
    this.#stop = parts.ui.subscribe(() => this.#follow());
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#close();
  }

  #close(): void {
    this.#subscription?.close();
    this.#subscription = null;
    this.#gathered.drop();
  }

  #follow(): void {
    const { overlay } = this.#parts.ui.get();
    const key = overlay?.kind === "events" ? (eventSpans[overlay.span]?.flag ?? "") : "";
    if (key === this.#key) return;
    this.#key = key;
    this.#close();
    this.#parts.mirror.dispatch({ type: "events-opened", key });
    if (overlay?.kind === "events")
      this.#subscription = this.#subscribe(key, eventSpans[overlay.span]?.milliseconds ?? 0);
  }

  #subscribe(key: string, milliseconds: number): { close(): void } {
    const start = new Date(Date.now() - milliseconds).toISOString();
    /** What is here already: a new connection begins where the last one ended. */
    let newest: EngineEvent | null = null;
    let seen = new Set<string>();
    return this.#parts.client.subscribe("events", {
      params: () => ({ since: newest === null ? start : momentOf(newest), until: null }),
      onItem: (event) => {
        const name = `${event.timeNano} ${event.id} ${event.action}`;
        if (seen.has(name)) return;
        if (newest === null || event.timeNano.length > newest.timeNano.length || event.timeNano > newest.timeNano) {
          // Only those of the newest millisecond may come again.
          if (newest === null || momentOf(event) !== momentOf(newest)) seen = new Set();
          newest = event;
        }
        seen.add(name);
        if (key === this.#key) this.#gathered.add(event);
      },
    });
  }
}

function momentOf({ timeNano }: EngineEvent): string {
  return new Date(Number(BigInt(timeNano) / 1_000_000n)).toISOString();
}
