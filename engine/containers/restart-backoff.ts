import type { RestartPolicy } from "../protocol/resources.ts";

const firstDelay = 100;
const longestDelay = 60_000;
/** A container that ran as long as this is healthy: the next failure begins anew. */
const steadyMilliseconds = 10_000;

/** docker's growing pauses: 100 ms, doubled by each quick end, up to a minute. */
export class RestartBackoff {
  readonly #delays = new Map<string, number>();

  /** Milliseconds to wait before this restart, given how long the container ran. */
  next(id: string, ranMilliseconds: number): number {
    const last = ranMilliseconds >= steadyMilliseconds ? undefined : this.#delays.get(id);
    const delay = last === undefined ? firstDelay : Math.min(last * 2, longestDelay);
    this.#delays.set(id, delay);
    return delay;
  }

  forget(id: string): void {
    this.#delays.delete(id);
  }
}

export type Ending = {
  readonly exitCode: number;
  readonly stoppedByHand: boolean;
  /** Restarts by policy since the last start by hand. */
  readonly restartCount: number;
};

/** Whether the policy brings a container back after this end. */
export function shouldRestart(policy: RestartPolicy, ending: Ending): boolean {
  if (ending.stoppedByHand) return false;
  switch (policy.name) {
    case "no":
      return false;
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      if (ending.exitCode === 0) return false;
      return policy.maximumRetryCount === 0 || ending.restartCount < policy.maximumRetryCount;
  }
}

/**
 * Whether the policy brings back a container that is not running after the host was booted: `always` comes even if it was
 * stopped by hand, as docker documents.
 */
export function shouldStartAtBoot(policy: RestartPolicy, ending: Ending & { readonly wasRunning: boolean }): boolean {
  if (policy.name === "always") return true;
  if (policy.name === "unless-stopped") return !ending.stoppedByHand;
  return ending.wasRunning && shouldRestart(policy, ending);
}
