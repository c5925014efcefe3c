import { expect, it } from "vitest";
import { finishedConfig } from "../../../../engine/builder/solve/finished-config.ts";
import { emptyState } from "../../../../engine/builder/solve/stage-state.ts";

const platform = { os: "linux", architecture: "amd64" };
const now = "2026-01-02T03:04:05.000Z";

it("gives steps without a time that of the step before, so that the same steps make the same image", () => {
  const history = [
    { created: "2025-01-01T00:00:00Z", created_by: "base" },
    { created_by: "ENV A=1", empty_layer: true },
    { created: "2025-06-01T00:00:00Z", created_by: "RUN true" },
    { created_by: "CMD x", empty_layer: true },
  ];
  const config = finishedConfig({ ...emptyState(platform), history }, { labels: {}, epoch: null, now });
  expect(config.history?.map(({ created }) => created)).toEqual([
    "2025-01-01T00:00:00Z",
    "2025-01-01T00:00:00Z",
    "2025-06-01T00:00:00Z",
    "2025-06-01T00:00:00Z",
  ]);
  expect(config.created).toBe("2025-06-01T00:00:00Z");
});

it("lets no time be later than the epoch that was asked for", () => {
  const history = [
    { created: "1960-01-01T00:00:00Z", created_by: "old" },
    { created: "2025-01-01T00:00:00Z", created_by: "base" },
    { created_by: "CMD x", empty_layer: true },
  ];
  const config = finishedConfig({ ...emptyState(platform), history }, { labels: {}, epoch: 0, now });
  const epoch = "1970-01-01T00:00:00.000Z";
  expect(config.history?.map(({ created }) => created)).toEqual(["1960-01-01T00:00:00Z", epoch, epoch]);
  expect(config.created).toBe(epoch);
});

it("puts the request's labels over those of the Dockerfile", () => {
  const state = emptyState(platform);
  const labelled = { ...state, config: { ...state.config, Labels: { a: "1", b: "1" } } };
  expect(finishedConfig(labelled, { labels: { b: "2" }, epoch: null, now }).config?.Labels).toEqual({ a: "1", b: "2" });
  expect(finishedConfig(state, { labels: {}, epoch: null, now }).config).not.toHaveProperty("Labels");
});
