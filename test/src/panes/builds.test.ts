import { expect, test } from "vitest";
import type { BuildStep, BuildSummary } from "../../../engine/protocol/builds.ts";
import { screenText } from "../../../src/format/screen-text.ts";
import { buildLines } from "../../../src/panes/builds/builds-view.ts";
import { buildForm, buildRequestOf, buildTwin } from "../../../src/panes/builds/create-form.ts";
import { timeBetween } from "../../../src/panes/builds/view-model.ts";
import { addBuildEvents, linesOf, noBuild, orderedBuilds, stepIndex } from "../../../src/store/builds.ts";
import { setInput } from "../../../src/store/form.ts";
import { inputOf } from "../../../src/store/text-input.ts";
import type { BuildsView } from "../../../src/store/ui.ts";
import type { Line } from "../../../src/theme/tokens.ts";

const start = "2026-11-22T10:00:00.000Z";
const now = Date.parse("2026-11-22T10:01:05.000Z");

function aBuild(change: Partial<BuildSummary> = {}): BuildSummary {
  return {
    id: "b1",
    name: "web:2",
    status: "running",
    startedAt: start,
    endedAt: null,
    steps: 5,
    finishedSteps: 2,
    cachedSteps: 1,
    current: "RUN make",
    imageID: null,
    error: "",
    canRetry: true,
    canDebug: false,
    ...change,
  };
}

function aStep(id: number, change: Partial<BuildStep> = {}): BuildStep {
  return {
    id,
    stage: "build",
    number: id,
    total: 3,
    title: `RUN step ${id}`,
    line: id,
    status: "waiting",
    startedAt: null,
    endedAt: null,
    layer: null,
    note: "",
    error: "",
    ...change,
  };
}

const view: BuildsView = { kind: "builds", level: "list", build: { id: null, index: 0 }, step: null, back: 0 };

function textOf(lines: readonly Line[]): string[] {
  return lines.map(({ spans }) =>
    spans
      .map(({ text }) => text)
      .join("")
      .trimEnd(),
  );
}

function watch(...steps: BuildStep[]) {
  return addBuildEvents(
    { ...noBuild, id: "b1" },
    steps.map((step) => ({ type: "step", step })),
    screenText,
  );
}

test("what steps write is cut into lines, harmless, with what stands after carriage returns", () => {
  let build = watch(aStep(1));
  const tell = (text: string) => {
    build = addBuildEvents(build, [{ type: "output", step: 1, stream: 1, text }], screenText);
  };
  tell("one\nt");
  tell("wo\u001b[2J\r\n10%\r20%");
  expect(linesOf(build.logs.get(1), screenText)).toEqual(["one", "two", "20%"]);
  tell("\r100%\nend\n");
  expect(linesOf(build.logs.get(1), screenText)).toEqual(["one", "two", "100%", "end"]);
  tell("x".repeat(20_000));
  expect(build.logs.get(1)?.rest).toBe("");
});

test("the cursor is on the step that failed, else on the one that runs, else on the last that ended", () => {
  const steps = [aStep(1, { status: "done" }), aStep(2, { status: "running" }), aStep(3)];
  expect(stepIndex(steps, null)).toBe(1);
  expect(stepIndex(steps, 3)).toBe(2);
  expect(stepIndex([aStep(1, { status: "failed" }), aStep(2, { status: "running" })], null)).toBe(0);
  expect(stepIndex([aStep(1, { status: "done" }), aStep(2, { status: "cached" }), aStep(3)], null)).toBe(1);
  expect(stepIndex([], null)).toBe(-1);
});

test("running builds come first, then the newest", () => {
  const old = aBuild({ id: "old", status: "done", startedAt: "2026-11-22T08:00:00.000Z" });
  const newer = aBuild({ id: "newer", status: "failed", startedAt: "2026-11-22T09:00:00.000Z" });
  expect(orderedBuilds([old, newer, aBuild()]).map(({ id }) => id)).toEqual(["b1", "newer", "old"]);
});

test("a narrow screen shows the builds, and below them the steps of the one under the cursor", () => {
  const failed = aBuild({ id: "b2", status: "failed", error: "exit code 2", endedAt: "2026-11-22T10:00:03.400Z" });
  const watched = watch(
    aStep(1, { status: "cached" }),
    aStep(2, { status: "running", startedAt: start, title: "RUN make -j2" }),
    aStep(3),
  );
  const lines = textOf(
    buildLines(view, { builds: [aBuild(), failed], watched, now, newKey: "n" }, { width: 78, height: 19 }),
  );
  expect(lines[0]).toMatch(/STATUS +NAME +STEPS +CACHED +TIME/);
  expect(lines[1]).toMatch(/^┃ running +web:2 +2\/5 +1 +1m05s/);
  expect(lines[2]).toMatch(/failed +web:2 .*3\.4s.*exit code 2/);
  expect(lines[4]).toMatch(/web:2 running {2}2\/5 steps {2}1 cached/);
  expect(lines[6]).toMatch(/✓ cached +build 1\/3 +RUN step 1/);
  expect(lines[7]).toMatch(/● running +build 2\/3 +RUN make -j2 +1m05s/);
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(78);
});

test("one level deeper stands what the step has written, and why it failed", () => {
  let watched = watch(aStep(1, { status: "failed", error: "make: exit code 2", startedAt: start, endedAt: start }));
  const output = { type: "output", step: 1, stream: 2, text: "cc: no such file\nmake: *** [all] Error 1\n" } as const;
  watched = addBuildEvents(watched, [output], screenText);
  const input = { builds: [aBuild({ status: "failed" })], watched, now, newKey: null };
  const steps = textOf(buildLines({ ...view, level: "steps" }, input, { width: 78, height: 19 }));
  expect(steps.slice(-3)).toEqual(["  cc: no such file", "  make: *** [all] Error 1", "  make: exit code 2"]);
  const log = textOf(buildLines({ ...view, level: "log", back: 1 }, input, { width: 78, height: 2 }));
  expect(log).toEqual(["  cc: no such file", "  make: *** [all] Error 1"]);
});

test("an empty host says how to begin", () => {
  const lines = textOf(buildLines(view, { builds: [], watched: noBuild, now, newKey: "n" }, { width: 78, height: 19 }));
  expect(lines[1]).toBe("  nothing was built yet: n begins one, gantry build . as well");
});

test("the form is a request, and the same as a command", () => {
  let form = buildForm("/srv/my app");
  const type = (field: string, text: string) => {
    form = setInput({ ...form, focus: form.fields.findIndex(({ id }) => id === field) }, inputOf(text));
  };
  type("tags", "web:2 web:latest");
  type("arguments", "MODE='two words'");
  type("dockerfile", "docker/Dockerfile");
  type("nocache", "yes");
  expect(buildRequestOf(form)).toMatchObject({
    context: { type: "directory", path: "/srv/my app" },
    dockerfile: { type: "path", path: "/srv/my app/docker/Dockerfile" },
    tags: ["web:2", "web:latest"],
    buildArgs: { MODE: "two words" },
    noCache: true,
    pull: false,
  });
  expect(buildTwin(form)).toMatch(
    /^gantry build -t web:2 -t web:latest -f docker\/Dockerfile --build-arg .* --no-cache/,
  );
});

test("times are short", () => {
  const after = (milliseconds: number) => new Date(Date.parse(start) + milliseconds).toISOString();
  expect(timeBetween(start, after(1_249), now)).toBe("1.2s");
  expect(timeBetween(start, after(42_000), now)).toBe("42s");
  expect(timeBetween(start, after(185_000), now)).toBe("3m05s");
  expect(timeBetween(start, after(3_720_000), now)).toBe("1h02m");
  expect(timeBetween(start, null, now)).toBe("1m05s");
});
