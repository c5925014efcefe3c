import { expect, it } from "vitest";
import { eventPasses } from "../../../engine/docker-api/event-filter.ts";
import { parseFilters } from "../../../engine/docker-api/filters.ts";
import type { EngineEvent } from "../../../engine/protocol/events.ts";

const id = "ab".repeat(32);
const started: EngineEvent = {
  timeNano: "1",
  type: "container",
  action: "start",
  id,
  attributes: { name: "web-1", image: "nginx:1.27", tier: "front" },
};
const executed: EngineEvent = { ...started, action: "exec_create: sh -c true" };
const pulled: EngineEvent = {
  timeNano: "2",
  type: "image",
  action: "pull",
  id: "nginx:1.27",
  attributes: { name: "nginx" },
};
const connected: EngineEvent = {
  timeNano: "3",
  type: "network",
  action: "connect",
  id: "cd".repeat(32),
  attributes: { name: "bridge", container: id },
};

const passing = (filters: Readonly<Record<string, readonly string[]>>) =>
  [started, executed, pulled, connected].filter((event) =>
    eventPasses(event, parseFilters(JSON.stringify(filters), null)),
  );

it.each([
  [{}, [started, executed, pulled, connected]],
  [{ type: ["container", "network"] }, [started, executed, connected]],
  [{ event: ["start"] }, [started]],
  // All that begins so: docker's own exception.
  [{ event: ["exec_create"] }, [executed]],
  [{ event: ["exec_create", "sta"] }, [started, executed]],
  [{ event: ["exec"] }, []],
  [{ container: [id.slice(0, 12)] }, [started, executed]],
  [{ container: ["web"] }, [started, executed]],
  // A name of whatever object, as with docker.
  [{ container: ["bridge"] }, [connected]],
  [{ network: ["bri"] }, [connected]],
  [{ image: ["nginx"] }, [started, executed, pulled]],
  [{ image: ["nginx:1.27"] }, [started, executed, pulled]],
  [{ image: ["ngin"] }, []],
  [{ label: ["tier=front", "name"] }, [started, executed]],
  [{ label: ["tier=back"] }, []],
  [{ scope: ["swarm"] }, []],
  [{ service: ["x"] }, []],
  [{ event: [] }, [started, executed, pulled, connected]],
  [{ nobody: ["x"] }, [started, executed, pulled, connected]],
])("filters events by %j", (filters, expected) => {
  expect(passing(filters)).toEqual(expected);
});
