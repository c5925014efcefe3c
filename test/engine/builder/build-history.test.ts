import { expect, it } from "vitest";
import { findForgotten, type PastBuild } from "../../../engine/builder/build-history.ts";
import { BuildLog } from "../../../engine/builder/build-log.ts";
import { buildRequestOf } from "../../support/builds.ts";

function pastBuild(id: string, { steps = 1, dockerfile = "" } = {}): PastBuild {
  const log = new BuildLog({ id, name: "x", startedAt: "2026-01-01T00:00:00Z" }, () => {});
  for (let number = 1; number <= steps; number++) log.plan({ stage: "", number, total: steps, title: "RUN", line: 1 });
  log.dockerfile = dockerfile;
  return { version: 1, facts: log.facts(), request: buildRequestOf("FROM x"), failed: null };
}

it("remembers fifty builds, and fewer where these are large; always the last", () => {
  const many = Array.from({ length: 53 }, (_, index) => pastBuild(`build-${index}`));
  expect(findForgotten(many).toSorted()).toEqual(["build-0", "build-1", "build-2"]);
  const large = Array.from({ length: 5 }, (_, index) =>
    pastBuild(`build-${index}`, { dockerfile: "x".repeat(4 << 20) }),
  );
  expect(findForgotten(large).toSorted()).toEqual(["build-0", "build-1"]);
  expect(findForgotten([pastBuild("huge", { dockerfile: "x".repeat(20 << 20) })])).toEqual([]);
  expect(
    findForgotten([pastBuild("old"), pastBuild("wide", { steps: 5_000, dockerfile: "x".repeat(15 << 20) })]),
  ).toEqual(["old"]);
});
