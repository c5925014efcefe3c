import { expect, it } from "vitest";
import { BuildLines } from "../../../engine/docker-api/routes/build-lines.ts";
import type { BuildEvent, BuildStep } from "../../../engine/protocol/builds.ts";

const base = "sha256:aaaaaaaaaaaabbbb";
const result = "sha256:cccccccccccc0000";

function step(id: number, title: string, status: BuildStep["status"]): BuildEvent {
  const rest = { startedAt: "2026-01-01T00:00:00Z", endedAt: null, layer: null, note: "", error: "" };
  return { type: "step", step: { id, stage: "0", number: id, total: 3, title, line: id, status, ...rest } };
}

function output(id: number, text: string): BuildEvent {
  return { type: "output", step: id, stream: 1, text };
}

/** What a client prints, IDs that are made up as `<id>`. */
function tell(
  events: readonly BuildEvent[],
  { removes = true, dockerfile = "", labels = {}, isCongested = false, isFresh = false } = {},
) {
  const lines: object[] = [];
  const told = new BuildLines({
    send: (line) => lines.push(line),
    findImage: (name) => (name === "busybox" ? base : null),
    nameImage: (name) => (name.includes(":") ? name : `${name}:latest`),
    isCongested: () => isCongested,
    isFresh,
    removes,
    dockerfile: () => dockerfile,
    labels,
  });
  // All that will be done is known before any of it is.
  for (const event of events) {
    if (event.type === "step") told.take({ type: "step", step: { ...event.step, status: "waiting" } });
  }
  for (const event of events) told.take(event);
  const text = () =>
    lines
      .map((line) => ("stream" in line ? line.stream : `${JSON.stringify(line)}\n`))
      .join("")
      .replace(/\b(?!a{12}|c{12})[0-9a-f]{12}\b/g, "<id>");
  return { told, text };
}

it("tells of steps as the classic builder does", () => {
  const { told, text } = tell([
    step(1, "FROM busybox", "done"),
    step(2, "RUN echo hi", "running"),
    output(2, "hi\n"),
    step(2, "RUN echo hi", "done"),
    step(3, "COPY a b", "running"),
    step(3, "COPY a b", "done"),
  ]);
  told.end(result, { names: ["x:latest"], unused: ["A", "B"] });
  expect(text()).toBe(
    `Step 1/3 : FROM busybox
 ---> aaaaaaaaaaaa
Step 2/3 : RUN echo hi
 ---> Running in <id>
hi
Removing intermediate container <id>
 ---> <id>
Step 3/3 : COPY a b
 ---> cccccccccccc
[Warning] One or more build-args [A B] were not consumed
{"aux":{"ID":"${result}"}}
Successfully built cccccccccccc
Successfully tagged x:latest
`,
  );
});

it("tells of a base image that was pulled, and of no cache where none was wanted", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const rest = {
    startedAt: "2026-01-01T00:00:00Z",
    endedAt: null,
    layer: null,
    error: "",
    line: 0,
    stage: "",
    number: 0,
  };
  const title = "resolve image busybox:latest";
  const pulled: BuildEvent = {
    type: "step",
    step: { id: 0, total: 0, title, status: "done", note: `up to date ${digest}`, ...rest },
  };
  const { text } = tell(
    [step(1, "FROM busybox", "waiting"), pulled, step(1, "FROM busybox", "done"), step(2, "CMD a", "cached")],
    {
      isFresh: true,
    },
  );
  expect(text()).toBe(`Step 1/2 : FROM busybox
{"status":"Pulling from busybox","id":"latest"}
{"status":"Digest: ${digest}"}
{"status":"Status: Image is up to date for busybox:latest"}
 ---> aaaaaaaaaaaa
Step 2/2 : CMD a
 ---> Running in <id>
`);
});

it("tells what came from the cache", () => {
  const { told, text } = tell([
    step(1, "FROM scratch", "done"),
    step(2, "RUN a", "cached"),
    step(3, "ENV a=b", "cached"),
  ]);
  told.end(result, { names: [], unused: [] });
  expect(text()).toContain("Step 2/3 : RUN a\n ---> Using cache\n ---> <id>\nStep 3/3 : ENV a=b\n ---> Using cache\n");
});

it("tells of steps at the same time one after the other", () => {
  const { text } = tell(
    [
      step(1, "RUN a", "running"),
      step(2, "RUN b", "running"),
      output(2, "of b\n"),
      output(1, "of a\n"),
      step(2, "RUN b", "done"),
      step(1, "RUN a", "done"),
    ],
    { removes: false },
  );
  expect(text()).toBe(
    "Step 1/2 : RUN a\n ---> Running in <id>\nof a\n ---> <id>\nStep 2/2 : RUN b\n ---> Running in <id>\nof b\n",
  );
});

it("says no ID of a step that failed", () => {
  const { text } = tell([step(1, "RUN false", "running"), step(1, "RUN false", "failed")]);
  expect(text()).toBe("Step 1/1 : RUN false\n ---> Running in <id>\n");
});

it("has steps of the global arguments, and of labels that were given beside", () => {
  const dockerfile = "# ARG no\nARG A=1\narg B\nFROM busybox AS One\nARG C\nFROM one\n";
  const labels = { b: "2", a: "1" };
  const { told, text } = tell([step(1, "FROM busybox AS One", "done"), step(2, "FROM one", "done")], {
    dockerfile,
    labels,
  });
  told.end(result, { names: [], unused: [] });
  expect(text().split("\n").slice(0, 12)).toEqual([
    "Step 1/5 : ARG A=1",
    "Step 2/5 : arg B",
    "Step 3/5 : FROM busybox AS One",
    " ---> aaaaaaaaaaaa",
    "Step 4/5 : FROM one",
    " ---> <id>",
    "Step 5/5 : LABEL a=1 b=2",
    " ---> Running in <id>",
    "Removing intermediate container <id>",
    " ---> cccccccccccc",
    `{"aux":{"ID":"${result}"}}`,
    "Successfully built cccccccccccc",
  ]);
});

it("keeps no more than a part of an output that nobody reads", () => {
  const outputs = Array.from({ length: 100 }, (_, index) => output(1, `${index}${"x".repeat(1_000_000)}\n`));
  const { told, text } = tell([step(1, "RUN yes", "running"), ...outputs], { isCongested: true });
  expect(text()).not.toContain("x");
  told.take(step(1, "RUN yes", "done"));
  expect(text().length).toBeLessThan(5_000_000);
  expect(text()).toContain("[output clipped: ");
  expect(text()).toContain("\n99x");
});
