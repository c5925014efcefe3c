import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import type { StatsDetails } from "../../metrics/stats-sampler.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import type { Route } from "../router.ts";
import { toDockerStats } from "../stats-json.ts";

/** Milliseconds between two lines. */
const interval = 1000;

export function statsRoutes(parts: ServerParts): Route[] {
  return [{ method: "GET", path: "/containers/{id}/stats", handle: (call) => stats(parts, call) }];
}

async function stats(parts: ServerParts, call: ApiCall): Promise<void> {
  const { containers, sampler } = parts;
  const container = containers.get(call.param("id"));
  const isStream = call.flag("stream", true);
  const isOneShot = call.flag("one-shot");
  if (isStream && isOneShot) {
    throw new EngineError("invalid-argument", "cannot have stream=true and one-shot=true");
  }
  if (isStream) return sendStream(parts, call, container.id);
  const details = await sampler.details(container.id, !isOneShot);
  const known = isOneShot && details !== null ? { ...details, before: null } : details;
  call.reply(200, toDockerStats(container, known, null));
}

/** Until the client goes, or the container: one that does not run has empty lines. A client that is slow gets fewer. */
async function sendStream({ containers, sampler }: ServerParts, call: ApiCall, id: string): Promise<void> {
  const { response, signal } = call;
  response.writeHead(200, { "Content-Type": "application/json" });
  let before: StatsDetails | null = null;
  while (!signal.aborted) {
    const container = findContainer(containers, id);
    if (container === null) return void response.end();
    if (!response.writableNeedDrain) {
      const details: StatsDetails | null = await sampler.details(id, false);
      response.write(`${JSON.stringify(toDockerStats(container, details, before))}\n`);
      before = details;
    }
    await sleep(interval, undefined, { signal, ref: false }).catch(() => {});
  }
}

function findContainer(containers: ServerParts["containers"], id: string) {
  try {
    return containers.get(id);
  } catch {
    return null;
  }
}
