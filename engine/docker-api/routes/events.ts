import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { EngineError } from "../../errors.ts";
import type { EventBus } from "../../events/event-bus.ts";
import type { EngineEvent } from "../../protocol/events.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { eventPasses } from "../event-filter.ts";
import type { Route } from "../router.ts";

/** The longest that a timer can wait. */
const longestWait = 2 ** 31 - 1;

export function eventRoutes({ events }: ServerParts): Route[] {
  return [{ method: "GET", path: "/events", handle: (call) => follow(events, call) }];
}

/** Lines of JSON, as things happen, until the client goes or `until` is reached. */
async function follow(events: EventBus, call: ApiCall): Promise<void> {
  const { since, until } = rangeOf(call);
  const filters = call.filters(null);
  const { response, signal } = call;
  // Past events are asked for by either.
  let next = since ?? (until === null ? events.lastNano + 1n : 0n);
  response.writeHead(200, { "Content-Type": "application/json" });
  response.flushHeaders();
  using end = endAt(until, signal);
  using news = newsOf(events, end.signal);
  const isWanted = (event: EngineEvent) =>
    (until === null || BigInt(event.timeNano) <= until) && eventPasses(event, filters);
  // The bus keeps what the client has not taken yet: nothing is queued here.
  do {
    news.seen();
    for (const event of events.since(next)) {
      next = BigInt(event.timeNano) + 1n;
      if (isWanted(event)) await write(response, lineOf(event), signal);
      if (signal.aborted) return;
    }
    await news.come();
  } while (!end.signal.aborted);
  response.end();
}

function rangeOf(call: ApiCall): { since: bigint | null; until: bigint | null } {
  const since = parseTime(call.text("since"));
  const until = parseTime(call.text("until"));
  if (until === null || since === null || since <= until) return { since, until };
  const [from, to] = [call.text("since"), call.text("until")];
  throw new EngineError("invalid-argument", `\`since\` time (${from}) cannot be after \`until\` time (${to})`);
}

/** Resolves when there is room for more, or the client is gone. */
async function write(response: ServerResponse, line: string, signal: AbortSignal): Promise<void> {
  if (response.write(line)) return;
  await once(response, "drain", { signal }).catch(() => {});
}

/** Aborts at a moment, at once where it is past, and when the client goes. */
function endAt(until: bigint | null, gone: AbortSignal) {
  const controller = new AbortController();
  const onGone = () => controller.abort();
  let timer: NodeJS.Timeout | undefined;
  gone.addEventListener("abort", onGone);
  const wait = () => {
    const left = until === null ? 0 : Number(until / 1_000_000n) - Date.now();
    if (left <= 0) return controller.abort();
    timer = setTimeout(wait, Math.min(left, longestWait));
  };
  if (gone.aborted) onGone();
  else if (until !== null) wait();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", onGone);
    },
  };
}

/** `come` resolves when something has happened since `seen`, or at the end. */
function newsOf(events: EventBus, end: AbortSignal) {
  let isNew = false;
  let wake = () => {};
  const detach = events.onEvent(() => {
    isNew = true;
    wake();
  });
  const onEnd = () => wake();
  end.addEventListener("abort", onEnd);
  return {
    seen: () => {
      isNew = false;
    },
    come: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
        if (isNew || end.aborted) resolve();
      }),
    [Symbol.dispose]: () => {
      detach();
      end.removeEventListener("abort", onEnd);
    },
  };
}

/** `1700000000` or `1700000000.123456789`, in nanoseconds; null for none. Fails as Go does. */
function parseTime(text: string): bigint | null {
  if (text === "") return null;
  const [, sign, seconds = "", fraction = ""] = /^(-?)(\d{1,18})(?:\.(\d{0,9}))?$/.exec(text) ?? [];
  if (seconds === "") {
    throw new EngineError("invalid-argument", `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (sign === "-") return seconds === "1" && fraction === "" ? null : 0n;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** In moby's order; `timeNano` has more digits than a number of JavaScript holds. */
function lineOf({ type, action, id, attributes, timeNano }: EngineEvent): string {
  const isOfOld = type === "container" || type === "image";
  const old = { status: action, id, ...(type === "container" ? { from: attributes.image ?? "" } : {}) };
  const event = {
    ...(isOfOld ? old : {}),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: "local",
    time: Number(BigInt(timeNano) / 1_000_000_000n),
  };
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${timeNano}}\n`;
}
