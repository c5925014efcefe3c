import { EngineError } from "../errors.ts";
import { Throttle } from "../lib/throttle.ts";
import type { EngineEvent } from "../protocol/events.ts";
import { type TopicItem, type TopicName, type TopicParams, topics } from "../protocol/topics.ts";
import { BuildQueue } from "./build-queue.ts";
import { pumpLogs } from "./log-topic.ts";
import type { ServerParts } from "./parts.ts";
import type { StateFeed } from "./state-feed.ts";

/** Where a topic's items go: one subscription of one client. */
export type Sink<T extends TopicName> = {
  emit(item: TopicItem<T>): void;
  readonly isCongested: boolean;
  /** Resolves when there is room again, or when the client is gone. */
  ready(): Promise<void>;
  /** Aborted by unsubscribe, and when the client is gone. */
  readonly signal: AbortSignal;
};

export type TopicParts = ServerParts & { readonly state: StateFeed };

/** Checks the params, and gives what begins to send once the subscription was answered. */
export type TopicOpener<T extends TopicName> = (
  parts: TopicParts,
  params: TopicParams<T>,
) => (sink: Sink<T>) => void | Promise<void>;

export const topicOpeners: { readonly [T in TopicName]: TopicOpener<T> } = {
  state: openState,
  stats: openStats,
  logs: openLogs,
  events: openEvents,
  build: openBuild,
};

/** Milliseconds between two items of `state`: more than a screen can show. */
const stateInterval = 40;

function openState(parts: TopicParts, params: TopicParams<"state">) {
  return (sink: Sink<"state">) => {
    const { resume } = params;
    const isKnown = resume !== null && resume.epoch === parts.identity.epoch;
    let seen = isKnown ? resume.revision : -1;
    let isWaiting = false;
    const send = async () => {
      // Who waits for room sends the newest then: one is enough.
      if (isWaiting) return;
      isWaiting = true;
      if (sink.isCongested) await sink.ready();
      isWaiting = false;
      if (sink.signal.aborted) return;
      const item = seen === -1 ? parts.state.snapshot() : parts.state.since(seen);
      if (item === null) return;
      seen = item.revision;
      sink.emit(item);
    };
    const throttle = new Throttle(stateInterval, () => void send());
    const detach = parts.state.onChange(() => throttle.ask());
    sink.signal.addEventListener("abort", () => {
      detach();
      throttle[Symbol.dispose]();
    });
    throttle.ask();
  };
}

function openStats(parts: TopicParts, params: TopicParams<"stats">) {
  const wanted =
    params.containers === null ? null : new Set(params.containers.map((name) => parts.containers.get(name).id));
  return (sink: Sink<"stats">) => {
    const detach = parts.sampler.onSamples((all) => {
      // The next second brings newer ones.
      if (sink.isCongested) return;
      const samples = wanted === null ? [...all] : all.filter((sample) => wanted.has(sample.container));
      sink.emit({ samples });
    });
    sink.signal.addEventListener("abort", detach);
  };
}

function openLogs(parts: TopicParts, params: TopicParams<"logs">) {
  const sources = params.containers.map((name) => parts.containers.logSource(name));
  return (sink: Sink<"logs">) => pumpLogs(parts, sources, params.range, sink);
}

function openEvents(parts: TopicParts, params: TopicParams<"events">) {
  const since = params.since === null ? null : parseEventTime(params.since);
  const until = params.until === null ? null : parseEventTime(params.until);
  return async (sink: Sink<"events">) => {
    let next = since ?? parts.events.lastNano + 1n;
    let wake = () => {};
    const detach = parts.events.onEvent(() => wake());
    sink.signal.addEventListener("abort", () => {
      detach();
      wake();
    });
    // The bus keeps what the client has not taken yet: nothing is queued here.
    while (!sink.signal.aborted) {
      const events = parts.events.since(next);
      if (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      for (const event of events) {
        next = BigInt(event.timeNano) + 1n;
        if (until === null || BigInt(event.timeNano) <= until) await sendEvent(event, sink);
      }
    }
  };
}

function openBuild(parts: TopicParts, params: TopicParams<"build">) {
  return (sink: Sink<"build">) => {
    const queue = new BuildQueue(sink);
    const detach = parts.builds.watch(params.buildID, (event) => queue.push(event));
    sink.signal.addEventListener("abort", detach);
  };
}

async function sendEvent(event: EngineEvent, sink: Sink<"events">): Promise<void> {
  if (sink.isCongested) await sink.ready();
  if (!sink.signal.aborted) sink.emit(event);
}

/** RFC 3339, or nanoseconds since the epoch as EngineEvent.timeNano has them. */
function parseEventTime(text: string): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  const milliseconds = Date.parse(text);
  if (!Number.isNaN(milliseconds)) return BigInt(milliseconds) * 1_000_000n;
  throw new EngineError("invalid-argument", `time ${JSON.stringify(text)} is not of the form 2026-01-31T12:00:00Z`);
}

/** The name of a topic a client asked for. */
export function parseTopic(name: string): TopicName {
  if (Object.hasOwn(topics, name)) return name as TopicName;
  throw new EngineError("invalid-argument", `there is no topic ${JSON.stringify(name)}`);
}
