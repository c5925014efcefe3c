import type { Healthcheck } from "../../../engine/protocol/create-request.ts";
import { findGoDuration } from "../../../engine/protocol/go-duration.ts";
import { parseInteger } from "./sizes.ts";
import { refused, UsageError } from "./usage-error.ts";

export type HealthFlags = {
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthRetries?: string;
  readonly healthStartPeriod?: string;
  readonly healthStartInterval?: string;
  /** Commander's name of --no-healthcheck. */
  readonly healthcheck?: boolean;
};

/** A millisecond: docker takes no shorter time but 0. */
const shortest = 1_000_000n;

/** Null: nothing is said, so that the image's holds. */
export function parseHealthcheck(flags: HealthFlags): Healthcheck | null {
  const { healthCmd, healthInterval, healthTimeout, healthRetries, healthStartPeriod, healthStartInterval } = flags;
  const isChecked = [
    healthCmd,
    healthInterval,
    healthTimeout,
    healthRetries,
    healthStartPeriod,
    healthStartInterval,
  ].some((text) => text !== undefined);
  if (flags.healthcheck === false) {
    if (isChecked) throw new UsageError("--no-healthcheck conflicts with --health-* options");
    return { test: ["NONE"], interval: 0, timeout: 0, retries: 0, startPeriod: 0, startInterval: 0 };
  }
  if (!isChecked) return null;
  return {
    test: healthCmd === undefined || healthCmd === "" ? [] : ["CMD-SHELL", healthCmd],
    interval: parseDuration("--health-interval", healthInterval),
    timeout: parseDuration("--health-timeout", healthTimeout),
    retries: healthRetries === undefined ? 0 : parseInteger("--health-retries", healthRetries, { minimum: 0 }),
    startPeriod: parseDuration("--health-start-period", healthStartPeriod),
    startInterval: parseDuration("--health-start-interval", healthStartInterval),
  };
}

/** `30s`, `1m30s` to nanoseconds. */
function parseDuration(flag: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const duration = findGoDuration(text);
  if (duration === null) throw new UsageError(`invalid ${flag} "${text}": want a duration such as 30s or 1m30s`);
  if (duration < 0n) throw new UsageError(`invalid ${flag} "${text}": it cannot be negative`);
  if (duration > 0n && duration < shortest) throw refused(`invalid ${flag} "${text}": it is less than 1ms`);
  return Number(duration);
}
