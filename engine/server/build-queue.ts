import type { BuildEvent } from "../protocol/builds.ts";

/** Where events go: the part of a subscription's sink that matters here. */
type Outlet = {
  emit(event: BuildEvent): void;
  readonly isCongested: boolean;
  ready(): Promise<void>;
  readonly signal: AbortSignal;
};

const clippedNote = "\n[output clipped: it is not read as fast as it comes]\n";
/** Characters of output that wait for one client. */
const waitingLimit = 4 * 1024 * 1024;

/**
 * A build's events on their way to one client. While there is no room, outputs wait up to a limit, beyond which the oldest are dropped; of
 * each step only the newest state waits; what ends or warns always arrives.
 */
export class BuildQueue {
  readonly #outlet: Outlet;
  #waiting: BuildEvent[] = [];
  #characters = 0;
  #isWaiting = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  push(event: BuildEvent): void {
    if (this.#outlet.signal.aborted) return;
    if (!this.#isWaiting && !this.#outlet.isCongested) {
      this.#outlet.emit(event);
      return;
    }
    this.#keep(event);
    if (!this.#isWaiting) void this.#drain();
  }

  #keep(event: BuildEvent): void {
    const last = this.#waiting.at(-1);
    if (event.type === "step" && last?.type === "step" && last.step.id === event.step.id) this.#waiting.pop();
    this.#waiting.push(event);
    if (event.type !== "output") return;
    this.#characters += event.text.length;
    if (this.#characters > waitingLimit) this.#shorten();
  }

  /** To half of the limit, so that it is not done for each event. What is left of a step's output says that there was more. */
  #shorten(): void {
    const clipped = new Set<number>();
    this.#waiting = this.#waiting.flatMap((event) => {
      if (event.type !== "output" || this.#characters <= waitingLimit / 2) return [event];
      this.#characters -= event.text.length;
      if (clipped.has(event.step)) return [];
      clipped.add(event.step);
      this.#characters += clippedNote.length;
      return [{ ...event, text: clippedNote }];
    });
  }

  async #drain(): Promise<void> {
    this.#isWaiting = true;
    while (this.#waiting.length > 0 && !this.#outlet.signal.aborted) {
      await this.#outlet.ready();
      // One at least: a connection that is just being closed is ready for ever, and takes nothing.
      do this.#emitFirst();
      while (this.#waiting.length > 0 && !this.#outlet.isCongested);
    }
    this.#isWaiting = false;
  }

  #emitFirst(): void {
    const event = this.#waiting.shift();
    if (event === undefined) return;
    if (event.type === "output") this.#characters -= event.text.length;
    this.#outlet.emit(event);
  }
}
