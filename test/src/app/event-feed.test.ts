import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { EngineEvent } from "../../../engine/protocol/events.ts";
import { EventFeed } from "../../../src/app/event-feed.ts";
import type { EventsView } from "../../../src/store/event-log.ts";
import { emptyMirror, reduceMirror } from "../../../src/store/mirror.ts";
import { createStore } from "../../../src/store/store.ts";
import { initialUi, reduceUi } from "../../../src/store/ui.ts";
import { anEvent } from "../../support/protocol-values.ts";

type Handlers = { readonly params: () => unknown; readonly onItem: (event: EngineEvent) => void };

function scene() {
  const mirror = createStore(reduceMirror, emptyMirror);
  const ui = createStore(reduceUi, initialUi);
  const opened: Handlers[] = [];
  const closed: number[] = [];
  const subscribe = (_topic: string, handlers: Handlers) => {
    const number = opened.push(handlers) - 1;
    return { close: () => closed.push(number) };
  };
  const client = { subscribe: subscribe as never };
  const feed = new EventFeed({ client, mirror, ui, take: (action) => mirror.dispatch(action) });
  const view: EventsView = { kind: "events", span: 0, filter: "", bottom: null };
  const show = (change: Partial<EventsView> | null) =>
    ui.dispatch({ type: "overlay", overlay: change === null ? null : { ...view, ...change } });
  return { feed, mirror, opened, closed, show, told: () => mirror.get().events.events.map(({ action }) => action) };
}

it("follows while somebody looks, and begins anew where one looks further back", async () => {
  const { feed, opened, closed, show, told } = scene();
  using _feed = feed;
  expect(opened).toHaveLength(0);
  show({});
  opened[0]?.onItem(anEvent({ action: "start" }));
  show({ span: 1 });
  // What the first answer still says is not for the second question.
  opened[0]?.onItem(anEvent({ action: "late" }));
  opened[1]?.onItem(anEvent({ action: "die" }));
  await sleep(60);
  expect(told()).toEqual(["die"]);
  show({ span: 1, filter: "x" });
  expect(opened).toHaveLength(2);
  show(null);
  expect(closed).toEqual([0, 1]);
  expect(told()).toEqual([]);
});

it("goes on after a lost engine where it was, and tells nothing twice", async () => {
  const { feed, opened, show, told } = scene();
  using _feed = feed;
  show({});
  const [handlers] = opened;
  handlers?.onItem(anEvent({ timeNano: "1795305600001000000", action: "start" }));
  handlers?.onItem(anEvent({ timeNano: "1795305600001000001", action: "die" }));
  expect(handlers?.params()).toEqual({ since: "2026-11-22T00:00:00.001Z", until: null });
  handlers?.onItem(anEvent({ timeNano: "1795305600001000000", action: "start" }));
  handlers?.onItem(anEvent({ timeNano: "1795305600001000001", action: "die" }));
  handlers?.onItem(anEvent({ timeNano: "1795305600002000000", action: "destroy" }));
  await sleep(60);
  expect(told()).toEqual(["start", "die", "destroy"]);
});
