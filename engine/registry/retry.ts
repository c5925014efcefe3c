import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../errors.ts";
import { RegistryFailure } from "./failures.ts";

/** Times in milliseconds. */
export type Patience = {
  readonly tries: number;
  /** Before the second try; doubled for each further one. */
  readonly firstDelay: number;
  /** A registry that says Retry-After is not waited for longer. */
  readonly longestDelay: number;
  /** Without a byte of an answer a connection counts as dead. */
  readonly silence: number;
  readonly connect: number;
};

export const usualPatience: Patience = {
  tries: 5,
  firstDelay: 500,
  longestDelay: 60_000,
  silence: 60_000,
  connect: 15_000,
};

/** Counts the failures of one piece of work. */
export class Retries {
  readonly #patience: Patience;
  #failures = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** There was progress: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }

  /** Waits before the next try; throws the failure where there is none. */
  async next(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw cancelled(error);
    if (!(error instanceof RegistryFailure) || !error.isTransient) throw error;
    this.#failures += 1;
    const tries = Math.min(this.#patience.tries, error.tries ?? this.#patience.tries);
    if (this.#failures >= tries) throw error.gaveUp(this.#failures);
    const delay = retryDelay(this.#failures, error.retryAfter, this.#patience);
    await sleep(delay, undefined, { signal }).catch((cause) => {
      throw cancelled(cause);
    });
  }
}

/** Tries until it works, the failure is a lasting one, or patience ends. */
export async function withRetries<T>(patience: Patience, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const retries = new Retries(patience);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await retries.next(error, signal);
    }
  }
}

/** Milliseconds to wait after `failures` in a row: what the registry asked for, else doubled each time, the last half by chance. */
export function retryDelay(
  failures: number,
  retryAfter: number | null,
  patience: Pick<Patience, "firstDelay" | "longestDelay">,
  chance = Math.random(),
): number {
  const longest = Math.min(patience.firstDelay * 2 ** (failures - 1), patience.longestDelay);
  const own = longest / 2 + (longest / 2) * chance;
  return retryAfter === null ? own : Math.min(Math.max(retryAfter, own), patience.longestDelay);
}

/** Milliseconds of a Retry-After header: seconds or a date (RFC 9110, 10.2.3). Null for anything else. */
export function parseRetryAfter(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

export function cancelled(cause: unknown): EngineError {
  return cause instanceof EngineError && cause.code === "cancelled"
    ? cause
    : new EngineError("cancelled", "the work with the registry was cancelled", { cause });
}
