import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type ContainerRecord, initialState } from "../../../engine/containers/container-record.ts";
import { ContainerTable } from "../../../engine/containers/container-table.ts";
import type { ContainerParts } from "../../../engine/containers/parts.ts";
import { PendingSessions } from "../../../engine/containers/pending-sessions.ts";
import { restartByPolicy } from "../../../engine/containers/restart-by-policy.ts";
import { RestartTimers } from "../../../engine/containers/restart-timers.ts";
import { Waiters } from "../../../engine/containers/waiters.ts";
import { openDatabase } from "../../../engine/database/database.ts";
import { KeyedQueue } from "../../../engine/lib/keyed-queue.ts";
import { emptyCreateRequest } from "../../../engine/protocol/defaults.ts";

const id = "aa11".repeat(16);
const state = { ...initialState, status: "restarting" as const };
const record = {
  id,
  name: "web",
  imageID: "image",
  createdAt: new Date().toISOString(),
  request: { ...emptyCreateRequest("busybox"), restartPolicy: { name: "always", maximumRetryCount: 0 } },
  resolution: {},
  state,
} as unknown as ContainerRecord;

it("tries again where neither the start nor its failure could be written down", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-restart-"));
  const database = openDatabase(join(directory, "gantry.db"));
  const restarts = new RestartTimers();
  try {
    database.exec("INSERT INTO images VALUES ('image', NULL, '', '', '', '')");
    const table = new ContainerTable(database);
    table.insert(record);
    const told: string[] = [];
    const log = { warning: (message: string) => told.push(message), error: (message: string) => told.push(message) };
    const queue = new KeyedQueue();
    const [sessions, waiters] = [new PendingSessions(), new Waiters()];
    const parts = { table, log, queue, restarts, sessions, waiters } as unknown as ContainerParts;
    database.close();

    restartByPolicy(parts, id);
    await queue.idle();
    expect(told.at(-1)).toMatch(/^restart container web: /);
    const before = told.length;
    await expect.poll(() => told.length).toBeGreaterThan(before);
  } finally {
    restarts.cancelAll();
    rmSync(directory, { recursive: true });
  }
});
