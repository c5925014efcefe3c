import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDashboard, startContainer } from "../support/dashboard.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import type { TestTerminal } from "../support/terminal.ts";

let engine: TestEngine;
const lines = 7_000;

beforeAll(async () => {
  engine = await startTestEngine();
  const print = `seq 1 ${lines} | sed 's/^/number /'; echo printed; trap 'exit 0' TERM; while :; do sleep 1; done`;
  await startContainer(engine, "writer", print);
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

/** A frame may come in pieces: waits until nothing more comes. */
async function drawn(terminal: TestTerminal): Promise<void> {
  for (let length = -1; length !== terminal.output().length; await sleep(25)) length = terminal.output().length;
}

/** Half a frame has lines of the one before. */
function isConsecutive(text: string): boolean {
  const numbers = [...text.matchAll(/number (\d+)/g)].map(([, number]) => Number(number));
  return numbers.every((number, index) => index === 0 || number === (numbers[index - 1] ?? 0) + 1);
}

it("goes back over more lines than it keeps, and forwards again without a gap", async () => {
  await using terminal = openDashboard(engine, { columns: 100, rows: 100 });
  await terminal.waitFor("printed");
  await terminal.press("4", "f");
  await terminal.waitFor(`number ${lines}`);
  const first = () => Number(/number (\d+)/.exec(terminal.text())?.[1] ?? 0);
  for (const deadline = Date.now() + 10_000; first() !== 1 && Date.now() < deadline; ) await terminal.press("g");
  expect(first()).toBe(1);
  const seen = new Set<number>();
  const look = () => {
    for (const [, number] of terminal.text().matchAll(/number (\d+)/g)) seen.add(Number(number));
  };
  look();
  for (const deadline = Date.now() + 20_000; !terminal.text().includes("printed") && Date.now() < deadline; look()) {
    const before = terminal.text();
    await terminal.press("pagedown");
    // What is not here yet comes in a moment, and is gone to by the next key.
    await terminal.waitFor((text) => text !== before, 300).catch(() => undefined);
    await drawn(terminal);
    await terminal.waitFor(isConsecutive, 2000);
  }
  const all = Array.from({ length: lines }, (_, index) => index + 1);
  expect(all.filter((number) => !seen.has(number))).toEqual([]);
  await terminal.press("pagedown", "pagedown");
  await terminal.waitFor(/writer {2}follow/);
}, 30_000);
