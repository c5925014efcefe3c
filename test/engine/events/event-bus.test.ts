import { expect, it, vi } from "vitest";
import { EventBus } from "../../../engine/events/event-bus.ts";
import type { EngineEvent } from "../../../engine/protocol/events.ts";

function publish(bus: EventBus, action: string): void {
  bus.publish({ type: "container", action, id: "c1" });
}

it("tells every listener, in order, until it unsubscribes", () => {
  const bus = new EventBus();
  const seen: string[] = [];
  const stop = bus.onEvent((event) => seen.push(`a:${event.action}`));
  bus.onEvent((event) => seen.push(`b:${event.action}`));
  publish(bus, "create");
  stop();
  publish(bus, "start");
  expect(seen).toEqual(["a:create", "b:create", "b:start"]);
});

it("gives each event a time of its own, later than the one before, also when the clock goes back", () => {
  const bus = new EventBus();
  const clock = vi.spyOn(Date, "now");
  try {
    for (const now of [5000, 5000, 4000, 6000]) {
      clock.mockReturnValue(now);
      publish(bus, "start");
    }
  } finally {
    clock.mockRestore();
  }
  expect(bus.since(0n).map((event) => event.timeNano)).toEqual([
    "5000000000",
    "5000000001",
    "5000000002",
    "6000000000",
  ]);
});

it("keeps the last thousand for those who come later", () => {
  const bus = new EventBus();
  for (let index = 0; index < 1005; index++) publish(bus, String(index));
  const kept = bus.since(0n);
  expect(kept).toHaveLength(1000);
  expect(kept[0]?.action).toBe("5");
  const last = BigInt(kept.at(-1)?.timeNano ?? "0");
  expect(bus.since(last).map((event) => event.action)).toEqual(["1004"]);
  expect(bus.since(last + 1n)).toEqual([]);
});

it("does not let one listener's failure reach the publisher or the others", async () => {
  const bus = new EventBus();
  const seen: EngineEvent[] = [];
  bus.onEvent(() => {
    throw new Error("broken pipe");
  });
  bus.onEvent((event) => seen.push(event));
  const warning = new Promise<Error>((resolve) => process.once("warning", resolve));
  publish(bus, "die");
  expect(seen).toHaveLength(1);
  expect((await warning).message).toBe("a listener failed on event container die: broken pipe");
});

it("does not tell a listener that was added while the event was told", () => {
  const bus = new EventBus();
  const seen: string[] = [];
  const stop = bus.onEvent(() => {
    stop();
    bus.onEvent((event) => seen.push(event.action));
  });
  publish(bus, "first");
  publish(bus, "second");
  expect(seen).toEqual(["second"]);
});

it("copies the attributes, which the publisher may go on changing", () => {
  const bus = new EventBus();
  const attributes: Record<string, string> = { name: "web" };
  bus.publish({ type: "container", action: "create", id: "c1", attributes });
  attributes.name = "other";
  expect(bus.since(0n)[0]?.attributes).toEqual({ name: "web" });
});

it("does not let routine push out what is of weight", () => {
  const appended: string[] = [];
  const bus = new EventBus({ read: () => [], append: ({ action }) => appended.push(action) });
  publish(bus, "die");
  for (let index = 0; index < 3000; index++)
    bus.publish({ type: "container", action: "probe", id: "c1", isRoutine: true });
  publish(bus, "start");
  const kept = bus.since(0n);
  expect(kept).toHaveLength(502);
  expect([kept[0]?.action, kept[1]?.action, kept.at(-1)?.action]).toEqual(["die", "probe", "start"]);
  expect(kept.some((event) => Object.hasOwn(event, "isRoutine"))).toBe(false);
  expect(appended).toEqual(["die", "start"]);
});
