import type { RestartPolicy } from "../protocol/resources.ts";

export const shortestDelay = 100;
const longestDelay = 60_000;
/** A container that ran as long as this is healthy: the next failure begins anew. */
const steadyMilliseconds = 10_000;

/**
 * docker's growing pauses before a restart: 100 ms, doubled by each quick end, up to a minute. All in milliseconds; `last`: the pause
 * before, 0 for none; `ran`: how long the container ran after it.
 */
export function nextDelay(last: number, ran: number): number {
  return last === 0 || ran >= steadyMilliseconds ? shortestDelay : Math.min(last * 2, longestDelay);
}

/** What is left of a pause that began at `from`, also where the clock was set or the engine was away meanwhile. */
export function remainingDelay(delay: number, from: number, now: number): number {
  return Math.min(Math.max(from + delay - now, 0), delay);
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
