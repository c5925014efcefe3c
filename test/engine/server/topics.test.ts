import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Listeners } from "../../../engine/lib/listeners.ts";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import type { Call } from "../../../engine/server/call.ts";
import { logHandlers } from "../../../engine/server/handlers/logs.ts";
import type { ServerParts } from "../../../engine/server/parts.ts";
import { type TopicParts, topicOpeners } from "../../../engine/server/topics.ts";
import { conmonLog } from "../../support/conmon-log.ts";

it("keeps one item of state for a client that takes none, however many changes there are", async () => {
  const changes = new Listeners<number>();
  const state = { onChange: (listener: () => void) => changes.add(listener), snapshot: () => ({ revision: 1 }) };
  const parts = { identity: { epoch: "now" }, state } as unknown as TopicParts;
  const stop = new AbortController();
  let waiting = 0;
  const ready = () => {
    waiting++;
    return new Promise<void>(() => {});
  };
  topicOpeners.state(parts, { resume: null })({ emit: () => {}, isCongested: true, ready, signal: stop.signal });
  for (let turn = 0; turn < 6; turn++) {
    changes.emit(turn);
    await sleep(50);
  }
  stop.abort();
  expect(waiting).toBe(1);
});

it("gives no page that is longer than a message may be", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-page-"));
  try {
    const path = join(directory, "log");
    writeFileSync(path, conmonLog(Array.from({ length: 12_000 }, () => ({ text: "line" }))));
    const containers = { logSource: () => ({ container: "web", path }) };
    const handlers = logHandlers({ logs: openLogReader(), containers } as unknown as ServerParts);
    const page = await handlers["logs.page"]({ container: "web", before: null, limit: 1e9 }, {} as Call);
    expect(page.lines.length).toBe(10_000);
    expect(page.before).toBeGreaterThan(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
