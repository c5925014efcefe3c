import { setTimeout as sleep } from "node:timers/promises";
import type { LogSource } from "../containers/container-service.ts";
import type { LogLine, LogRange } from "../protocol/logs.ts";
import type { ServerParts } from "./parts.ts";
import type { Sink } from "./topics.ts";

/** How long the first lines of several containers are gathered, so that they come in the order of their times. */
const gatherMilliseconds = 60;
/** Lines a message holds at most. */
const batchLines = 500;

/**
 * Follows the logs of some containers until the subscription ends. What is there already is merged by time; later lines go out as
 * they come. A reader is asked for more only when the client has taken what it got.
 */
export async function pumpLogs(
  parts: ServerParts,
  sources: readonly LogSource[],
  range: LogRange,
  sink: Sink<"logs">,
): Promise<void> {
  let gathered: LogLine[] | null = sources.length > 1 ? [] : null;
  const follow = async (source: LogSource) => {
    // A container that stops may be started again: the screen goes on with it, until it is removed.
    const isRemoved = () => !isKnown(parts, source.container);
    const options = { range, follow: true, signal: sink.signal };
    for await (const lines of parts.logs.lines(source.container, source.path, options, isRemoved)) {
      if (gathered !== null) gathered.push(...lines);
      else await sendLines(lines, sink);
      while (gathered !== null && gathered.length > 10_000) await sleep(10);
      if (sink.signal.aborted) return;
    }
  };
  const release = async () => {
    if (gathered === null) return;
    await sleep(gatherMilliseconds);
    const lines = gathered.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
    gathered = null;
    await sendLines(lines, sink);
  };
  const ends = await Promise.allSettled([...sources.map(follow), release()]);
  if (sink.signal.aborted) return;
  for (const end of ends) {
    if (end.status === "rejected") parts.log.warning("a log subscription ended", { error: end.reason });
  }
}

async function sendLines(lines: readonly LogLine[], sink: Sink<"logs">): Promise<void> {
  for (let start = 0; start < lines.length; start += batchLines) {
    if (sink.isCongested) await sink.ready();
    if (sink.signal.aborted) return;
    sink.emit({ lines: lines.slice(start, start + batchLines) });
  }
}

function isKnown(parts: ServerParts, container: string): boolean {
  try {
    parts.containers.get(container);
    return true;
  } catch {
    return false;
  }
}
