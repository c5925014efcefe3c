import * as z from "zod/mini";
import { buildEvent } from "./builds.ts";
import { engineEvent } from "./events.ts";
import { logItem, logRange } from "./logs.ts";
import { stateItem } from "./state.ts";
import { statsSample } from "./stats.ts";

/**
 * What can be subscribed to. Items come as `item` notifications, numbered from 1. The engine never queues without bound: state
 * and stats are conflated to the newest value, logs are read no faster than the client takes them.
 */
export const topics = {
  /** resume: the epoch and revision last seen; a snapshot comes where the engine cannot bridge the gap. */
  state: {
    params: z.object({ resume: z.nullable(z.object({ epoch: z.string(), revision: z.number() })) }),
    item: stateItem,
  },
  /** Once a second, all running containers, or those named. */
  stats: {
    params: z.object({ containers: z.nullable(z.array(z.string())) }),
    item: z.object({ samples: z.array(statsSample) }),
  },
  /** The last lines of each container, merged by time, then what comes. Resume by `since` with the last time seen. */
  logs: {
    params: z.object({ containers: z.array(z.string()), range: logRange }),
    item: logItem,
  },
  events: {
    params: z.object({ since: z.nullable(z.string()), until: z.nullable(z.string()) }),
    item: engineEvent,
  },
  /**
   * One build, also one that has not begun yet. A client that reads too slowly loses output of steps, the oldest first, and nothing else.
   */
  build: { params: z.object({ buildID: z.string() }), item: buildEvent },
} as const;

export type TopicName = keyof typeof topics;
export type TopicParams<T extends TopicName> = z.infer<(typeof topics)[T]["params"]>;
export type TopicItem<T extends TopicName> = z.infer<(typeof topics)[T]["item"]>;
