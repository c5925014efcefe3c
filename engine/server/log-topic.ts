import type { LogSource } from "../containers/container-service.ts";
import { mergeLines } from "../logs/merge-lines.ts";
import type { LogLine, LogRange } from "../protocol/logs.ts";
import type { ServerParts } from "./parts.ts";
import type { Sink } from "./topics.ts";

/** Lines a message holds at most. */
const batchLines = 500;

/**
 * Follows the logs of some containers until the subscription ends. What is there already is merged by time; later lines go out as
 * they come. The logs are read no faster than the client takes them.
 */
export async function pumpLogs(
  parts: ServerParts,
  sources: readonly LogSource[],
  range: LogRange,
  sink: Sink<"logs">,
): Promise<void> {
  // A container that stops may be started again: the screen goes on with it, until it is removed.
  const logs = sources.map((source) => ({ ...source, ended: () => !isKnown(parts, source.container) }));
  const options = { range, follow: true, signal: sink.signal };
  for await (const lines of mergeLines(parts.logs, logs, options)) await sendLines(lines, sink);
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
