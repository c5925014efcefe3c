import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { WaitingStream } from "../../../src/cli/waiting-stream.ts";
import type { ByteStream } from "../../../src/client/streams.ts";

function streams() {
  const opened: string[] = [];
  const closed: string[] = [];
  const openStream = (streamID: string) => {
    opened.push(streamID);
    return Promise.resolve({ streamID, close: () => closed.push(streamID) } as unknown as ByteStream);
  };
  return { opened, closed, openStream };
}

it("is the one that was opened while the container was being created", async () => {
  const { opened, closed, openStream } = streams();
  using waiting = new WaitingStream({ openStream });
  expect((await waiting.take()).streamID).toBe(opened[0]);
  expect(opened).toHaveLength(1);
  expect(closed).toEqual([]);
});

it("is opened anew where the creation took so long that the engine may have given the first one up", async () => {
  const { opened, closed, openStream } = streams();
  using waiting = new WaitingStream({ openStream }, 10);
  await sleep(20);
  expect((await waiting.take()).streamID).toBe(opened[1]);
  expect(closed).toEqual([opened[0]]);
});
