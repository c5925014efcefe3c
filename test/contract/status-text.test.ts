import { expect, it } from "vitest";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { formatStatus } from "../../engine/protocol/status-text.ts";
import { aContainer } from "../support/protocol-values.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const base = aContainer({ createdAt: "2026-11-22T11:00:00Z", startedAt: "2026-11-22T11:57:00Z" });

it.each<[string, Partial<ContainerSummary>]>([
  ["Up 3 minutes", {}],
  ["Up 3 minutes (healthy)", { health: "healthy" }],
  ["Up 3 minutes (unhealthy)", { health: "unhealthy" }],
  ["Up 3 minutes (health: starting)", { health: "starting" }],
  ["Up 3 minutes (Paused)", { status: "paused", health: "healthy" }],
  ["Up Less than a second", { startedAt: null }],
  ["Created", { status: "created", startedAt: null }],
  ["Exited (137) 2 hours ago", { status: "exited", exitCode: 137, finishedAt: "2026-11-22T10:00:00Z" }],
  ["Exited (0)", { status: "exited", exitCode: 0 }],
  ["Restarting (1) 5 seconds ago", { status: "restarting", exitCode: 1, finishedAt: "2026-11-22T11:59:55Z" }],
  ["Removal In Progress", { status: "removing" }],
  ["Dead", { status: "dead" }],
])("says %s", (text, fields) => {
  expect(formatStatus({ ...base, ...fields }, now)).toBe(text);
});
