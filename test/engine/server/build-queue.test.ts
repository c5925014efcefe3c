import { expect, it } from "vitest";
import type { BuildEvent } from "../../../engine/protocol/builds.ts";
import { BuildQueue } from "../../../engine/server/build-queue.ts";

function output(step: number, text: string): BuildEvent {
  return { type: "output", step, stream: 1, text };
}

function step(id: number, title: string): BuildEvent {
  const rest = { status: "running", startedAt: null, endedAt: null, layer: null, note: "", error: "" } as const;
  return { type: "step", step: { id, stage: "", number: 1, total: 1, title, line: 1, ...rest } };
}

/** A client that has no room until it is opened. */
function outlet() {
  const sent: BuildEvent[] = [];
  const room = Promise.withResolvers<void>();
  const state = { isCongested: true };
  const abort = new AbortController();
  const made = {
    emit: (event: BuildEvent) => void sent.push(event),
    get isCongested() {
      return state.isCongested;
    },
    ready: () => room.promise,
    signal: abort.signal,
  };
  const open = async () => {
    state.isCongested = false;
    room.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { made, sent, open, abort, room };
}

it("sends events at once where there is room", () => {
  const { made, sent } = outlet();
  const queue = new BuildQueue({ ...made, isCongested: false });
  queue.push(output(1, "a"));
  expect(sent).toEqual([output(1, "a")]);
});

it("keeps the order of what waited, and of what comes while it is being sent", async () => {
  const { made, sent, open } = outlet();
  const queue = new BuildQueue(made);
  queue.push(step(1, "first"));
  queue.push(step(1, "second"));
  queue.push(output(1, "a"));
  expect(sent).toEqual([]);
  await open();
  queue.push(output(1, "b"));
  expect(sent).toEqual([step(1, "second"), output(1, "a"), output(1, "b")]);
});

it("drops the oldest output of what waits for long, and nothing else", async () => {
  const { made, sent, open } = outlet();
  const queue = new BuildQueue(made);
  queue.push(step(1, "make"));
  for (let index = 0; index < 100; index++) queue.push(output(1, `${index} ${"x".repeat(1_000_000)}`));
  await open();
  expect(sent[0]).toEqual(step(1, "make"));
  const texts = sent.flatMap((event) => (event.type === "output" ? [event.text] : []));
  expect(texts.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(texts.at(-1)?.slice(0, 3)).toBe("99 ");
  expect(texts.filter((text) => text.includes("[output clipped"))).toHaveLength(1);
  expect(texts[0]).toContain("[output clipped");
});

it("ends with a client that is being closed, which is ready for ever and never has room", async () => {
  const { made, sent, room } = outlet();
  const queue = new BuildQueue(made);
  for (let index = 0; index < 10; index++) queue.push(output(1, "a"));
  room.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(10);
});
