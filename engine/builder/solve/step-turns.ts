import { EngineError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { OutputTail, type OutputText } from "../step-output.ts";

type Running = {
  readonly ended: Promise<void>;
  readonly tail: OutputTail;
  readonly listeners: Set<(output: OutputText) => void>;
};

/** The right to make a step. What is told is heard by who waits for the same step. */
export interface Turn extends Disposable {
  tell(output: OutputText): void;
}

/** Several builds that want the same step make it once: one makes it, the others wait and find it in the cache. */
export class StepTurns {
  readonly #running = new Map<Digest, Running>();

  /** Gives a turn at once, or waits for who has it and gives null: look again. Fails with `cancelled`. */
  async take(
    key: Digest,
    { signal, onOutput }: { readonly signal: AbortSignal; readonly onOutput: (output: OutputText) => void },
  ): Promise<Turn | null> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#begin(key);
    for (const output of running.tail.texts) onOutput(output);
    const listener = (output: OutputText): void => onOutput(output);
    running.listeners.add(listener);
    try {
      await untilAborted(running.ended, signal);
    } finally {
      running.listeners.delete(listener);
    }
    return null;
  }

  #begin(key: Digest): Turn {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const running: Running = { ended, tail: new OutputTail(), listeners: new Set() };
    this.#running.set(key, running);
    return {
      tell: (output) => {
        running.tail.add(output);
        for (const listener of running.listeners) listener(output);
      },
      [Symbol.dispose]: () => {
        if (this.#running.get(key) === running) this.#running.delete(key);
        resolve();
      },
    };
  }
}

/** The same result, or `cancelled` as soon as the signal says so. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(new EngineError("cancelled", "cancelled"));
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([work, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
