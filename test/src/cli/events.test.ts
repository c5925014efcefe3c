import { expect, it } from "vitest";
import type { EngineEvent } from "../../../engine/protocol/events.ts";
import { eventFilterKeys, eventPasses } from "../../../src/cli/event-filters.ts";
import { parseFilters } from "../../../src/cli/filters.ts";

function eventOf(fields: Partial<EngineEvent>): EngineEvent {
  return {
    timeNano: "1",
    type: "container",
    action: "start",
    id: "04c6e195a74c",
    attributes: { name: "web-1", image: "localhost:5000/nginx:1.27", tier: "db" },
    ...fields,
  };
}

const events = {
  start: eventOf({}),
  health: eventOf({ action: "health_status: healthy" }),
  pull: eventOf({ type: "image", action: "pull", id: "nginx:1.27", attributes: { name: "nginx" } }),
  connect: eventOf({ type: "network", action: "connect", id: "b9e6", attributes: { name: "back", container: "04c6" } }),
  mount: eventOf({ type: "volume", action: "mount", id: "data", attributes: { driver: "local" } }),
};

it.each([
  [["type=container"], ["start", "health"]],
  [
    ["type=image", "type=volume"],
    ["pull", "mount"],
  ],
  [["event=start"], ["start"]],
  [["event=health_status"], ["health"]],
  [["container=web"], ["start", "health"]],
  [["container=04c6e1", "event=start"], ["start"]],
  [["network=back"], ["connect"]],
  [["volume=data"], ["mount"]],
  [["image=localhost:5000/nginx"], ["start", "health"]],
  [["image=nginx"], ["pull"]],
  [["image=nginx:1.27"], ["pull"]],
  [["label=tier=db"], ["start", "health"]],
  [
    ["label=tier", "label=name=web-1"],
    ["start", "health"],
  ],
  [["scope=swarm"], []],
  [["daemon=x"], []],
])("passes %j", (texts, expected) => {
  const filters = parseFilters(texts, eventFilterKeys);
  const passing = Object.entries(events).filter(([, event]) => eventPasses(event, filters));
  expect(passing.map(([name]) => name)).toEqual(expected);
});
