import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import { formatDuration } from "../../lib/go-duration.ts";
import type { ExecSession } from "../../runtime/container-runtime.ts";
import type { HealthPlan, ProbeResult } from "./health-rules.ts";

/** docker keeps this many bytes of what a probe said. */
const mostOutput = 4096;
/** Milliseconds for a killed process to go, and for the last output to come. */
const patience = 5_000;
const lastWords = 500;

/**
 * Runs a probe to its end, at most for the plan's timeout, which begins when its process has started. Null where the signal ended it. What
 * docker says of a probe that could not run, or took too long, has the exit code -1.
 */
export async function runProbe(
  open: () => Promise<ExecSession>,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<ProbeResult | null> {
  const start = new Date().toISOString();
  const resultOf = (exitCode: number, output: string): ProbeResult => {
    return { start, end: new Date().toISOString(), exitCode, output };
  };
  let session: ExecSession;
  try {
    session = await open();
  } catch (error) {
    return signal.aborted ? null : resultOf(-1, messageOf(error));
  }
  const output = new LimitedOutput();
  const allSaid = new Promise<void>((resolve) => session.attached.onEnd(resolve));
  session.attached.onOutput((_stream, bytes) => output.add(bytes));
  const exitCode = await exitCodeWithin(session, plan.timeout, signal);
  await Promise.race([allSaid, sleep(exitCode === null ? 0 : lastWords, undefined, { ref: false })]);
  void session.attached[Symbol.asyncDispose]();
  if (signal.aborted) return null;
  if (exitCode !== null) return resultOf(exitCode, output.text());
  const said = output.text();
  return resultOf(
    -1,
    `Health check exceeded timeout (${formatDuration(plan.timeout)})${said === "" ? "" : `: ${said}`}`,
  );
}

/** Null where it had to be killed. */
async function exitCodeWithin(session: ExecSession, timeout: number, signal: AbortSignal): Promise<number | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const giveUp = () => resolve(null);
  const timer = setTimeout(giveUp, Math.min(timeout, 2 ** 31 - 1));
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const exitCode = await Promise.race([session.exitCode, late]);
    if (exitCode !== null) return exitCode;
    session.kill();
    await Promise.race([session.exitCode, sleep(patience, undefined, { ref: false })]);
    return null;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

class LimitedOutput {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #isCut = false;

  add(bytes: Buffer): true {
    const room = mostOutput - this.#size;
    if (bytes.length > room) this.#isCut = true;
    if (room > 0) {
      // A copy: the bytes are valid for the call only.
      this.#chunks.push(Buffer.from(bytes.subarray(0, room)));
      this.#size += Math.min(room, bytes.length);
    }
    return true;
  }

  text(): string {
    return `${Buffer.concat(this.#chunks).toString("utf8")}${this.#isCut ? "..." : ""}`;
  }
}
