import * as z from "zod/mini";
import type { Healthcheck } from "../../protocol/create-request.ts";

/** What a probe came to. Times RFC 3339. */
const probeResult = z.object({ start: z.string(), end: z.string(), exitCode: z.number(), output: z.string() });
export type ProbeResult = Readonly<z.infer<typeof probeResult>>;

export const health = z.object({
  /** When the run of the container began that this is about. */
  startedAt: z.string(),
  status: z.enum(["starting", "healthy", "unhealthy"]),
  failingStreak: z.number(),
  /** The last five, oldest first, over all runs. */
  log: z.array(probeResult),
});
export type Health = Readonly<z.infer<typeof health>>;

const kept = 5;
const million = 1e6;
const defaults = { interval: 30_000, timeout: 30_000, retries: 3, startPeriod: 0, startInterval: 5_000 };

/** Of one container, in milliseconds. */
export type HealthPlan = {
  /** Command and arguments of a probe. */
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
  readonly startInterval: number;
};

/** What a request leaves open, the image says; null: nobody asked for one. */
export function mergeHealthcheck(request: Healthcheck | null, image: Healthcheck | null): Healthcheck | null {
  if (request === null || image === null) return request ?? image;
  return {
    test: request.test.length > 0 ? request.test : image.test,
    interval: request.interval || image.interval,
    timeout: request.timeout || image.timeout,
    retries: request.retries || image.retries,
    startPeriod: request.startPeriod || image.startPeriod,
    startInterval: request.startInterval || image.startInterval,
  };
}

/** Null for none, `NONE`, and kinds that docker does not know. shell: for the form `CMD-SHELL`. */
export function planOf(check: Healthcheck | null | undefined, shell: readonly string[]): HealthPlan | null {
  if (check === null || check === undefined) return null;
  const [kind, ...words] = check.test;
  if (words.length === 0 || (kind !== "CMD" && kind !== "CMD-SHELL")) return null;
  return {
    command: kind === "CMD" ? words : [...shell, ...words],
    interval: check.interval > 0 ? check.interval / million : defaults.interval,
    timeout: check.timeout > 0 ? check.timeout / million : defaults.timeout,
    retries: check.retries > 0 ? check.retries : defaults.retries,
    startPeriod: check.startPeriod > 0 ? check.startPeriod / million : defaults.startPeriod,
    startInterval: check.startInterval > 0 ? check.startInterval / million : defaults.startInterval,
  };
}

/** At a start: results of earlier runs stay in the log, as docker's. */
export function startingHealth(startedAt: string, before: Health | null): Health {
  return { startedAt, status: "starting", failingStreak: 0, log: before?.log ?? [] };
}

/** docker's rules: a success heals at once, `retries` failures in a row break; those of a start within its start period do not count. */
export function healthAfter(before: Health, result: ProbeResult, plan: HealthPlan): Health {
  const log = [...before.log, result].slice(-kept);
  if (result.exitCode === 0) return { ...before, status: "healthy", failingStreak: 0, log };
  const age = Date.parse(result.start) - Date.parse(before.startedAt);
  if (before.status === "starting" && age < plan.startPeriod) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  return { ...before, status: failingStreak >= plan.retries ? "unhealthy" : before.status, failingStreak, log };
}

/** Milliseconds from the end of one probe, or from the start of the container, to the next probe. */
export function pauseBefore({ status, startedAt }: Health, plan: HealthPlan, now: number): number {
  const isInStartPeriod = now - Date.parse(startedAt) < plan.startPeriod;
  return isInStartPeriod && status === "starting" ? plan.startInterval : plan.interval;
}
