import { expect, it } from "vitest";
import { InputQueue } from "../../../engine/lib/input-queue.ts";
import { collect } from "../../support/collect.ts";

const texts = async (queue: InputQueue) => (await collect(queue.read())).map(String);

function openQueue() {
  const source = { paused: false };
  const queue = new InputQueue({
    isPaused: () => source.paused,
    pause: () => {
      source.paused = true;
    },
    resume: () => {
      source.paused = false;
    },
  });
  return { source, queue };
}

it("gives what came before and after its reader, until the end", async () => {
  const { queue } = openQueue();
  queue.push(Buffer.from("a"));
  const reading = texts(queue);
  setImmediate(() => {
    queue.push(Buffer.from("b"));
    queue.end();
    queue.push(Buffer.from("late"));
  });
  expect(await reading).toEqual(["a", "b"]);
});

it("holds its source back while nobody reads, and lets it go on", async () => {
  const { source, queue } = openQueue();
  for (let count = 0; count < 5; count++) queue.push(Buffer.alloc(64 * 1024));
  expect(source.paused).toBe(true);
  const reader = queue.read();
  await reader.next();
  expect(source.paused).toBe(true);
  for (let count = 0; count < 2; count++) await reader.next();
  expect(source.paused).toBe(false);
});

it("lets another reader go on where one left", async () => {
  const { queue } = openQueue();
  for (const text of ["a", "b", "c"]) queue.push(Buffer.from(text));
  queue.end();
  for await (const bytes of queue.read()) if (String(bytes) === "a") break;
  expect(await texts(queue)).toEqual(["b", "c"]);
});
