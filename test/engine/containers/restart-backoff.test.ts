import { describe, expect, it } from "vitest";
import {
  nextDelay,
  remainingDelay,
  shouldRestart,
  shouldStartAtBoot,
} from "../../../engine/containers/restart-backoff.ts";
import type { RestartPolicy } from "../../../engine/protocol/resources.ts";

const policy = (name: RestartPolicy["name"], maximumRetryCount = 0): RestartPolicy => ({ name, maximumRetryCount });
const ending = { exitCode: 1, stoppedByHand: false, restartCount: 0 };

describe("pauses", () => {
  it("double up to a minute and begin anew after a steady run", () => {
    const delays = [nextDelay(0, 5)];
    for (let count = 0; count < 11; count++) delays.push(nextDelay(delays.at(-1) ?? 0, 5));
    expect(delays.slice(0, 5)).toEqual([100, 200, 400, 800, 1600]);
    expect(delays.at(-1)).toBe(60_000);
    expect(nextDelay(60_000, 10_000)).toBe(100);
    expect(nextDelay(200, 9_999)).toBe(400);
  });

  it("go on where they were when an engine comes back, never longer than they are", () => {
    expect(remainingDelay(1000, 5000, 5400)).toBe(600);
    expect(remainingDelay(1000, 5000, 60_000)).toBe(0);
    expect(remainingDelay(1000, 5000, 1000)).toBe(1000);
  });
});

describe("policies", () => {
  it("leave alone what a person stopped", () => {
    for (const name of ["always", "unless-stopped", "on-failure"] as const) {
      expect(shouldRestart(policy(name), { ...ending, stoppedByHand: true })).toBe(false);
    }
  });

  it("count failures", () => {
    expect(shouldRestart(policy("on-failure", 2), { ...ending, restartCount: 1 })).toBe(true);
    expect(shouldRestart(policy("on-failure", 2), { ...ending, restartCount: 2 })).toBe(false);
    expect(shouldRestart(policy("on-failure"), { ...ending, restartCount: 99 })).toBe(true);
    expect(shouldRestart(policy("on-failure"), { ...ending, exitCode: 0 })).toBe(false);
    expect(shouldRestart(policy("no"), ending)).toBe(false);
    expect(shouldRestart(policy("always"), { ...ending, exitCode: 0 })).toBe(true);
  });

  it("tell always from unless-stopped at the boot of the host", () => {
    const stopped = { ...ending, stoppedByHand: true, wasRunning: false };
    expect(shouldStartAtBoot(policy("always"), stopped)).toBe(true);
    expect(shouldStartAtBoot(policy("unless-stopped"), stopped)).toBe(false);
    expect(shouldStartAtBoot(policy("no"), { ...stopped, stoppedByHand: false })).toBe(false);
  });
});
