import "../../support/blessed-hook.ts";
import measure from "string-width";
import { expect, it } from "vitest";
import { EngineError } from "../../../engine/errors.ts";
import type { MirrorAction } from "../../../src/store/mirror.ts";
import { aContainer, aLine, anImage, aSample } from "../../support/protocol-values.ts";
import { drawApp } from "../../support/render-app.tsx";

const engine = { protocolVersion: 1, engineVersion: "0.1.0", epoch: "e", pid: 1, startedAt: "2026-11-22T00:00:00Z" };
const connected: MirrorAction = { type: "connection", state: { status: "connected", engine } };

const snapshot: MirrorAction = {
  type: "state",
  item: {
    type: "snapshot",
    revision: 1,
    containers: [
      aContainer({ id: "a", name: "alpha" }),
      aContainer({ id: "b", name: "beta", status: "exited", exitCode: 1, finishedAt: "2026-11-22T00:00:00Z" }),
    ],
    images: [anImage()],
    networks: [],
    volumes: [],
    operations: [],
  },
};

const logs: MirrorAction[] = [
  { type: "logs-opened", containers: ["a"], contains: "" },
  {
    type: "logs",
    key: "a\n",
    lines: [aLine(1), aLine(2, { text: "漢字 👍 and \u001b[31mred" })].map((l) => ({ ...l, container: "a" })),
  },
];

const all: MirrorAction[] = [connected, snapshot, { type: "stats", samples: [aSample({ container: "a" })] }, ...logs];

it.each([
  [60, 15],
  [80, 24],
  [100, 30],
  [120, 40],
  [160, 45],
  [200, 60],
  [300, 100],
])("fills a terminal of %i by %i to its last cell", (columns, rows) => {
  using app = drawApp({ columns, rows });
  app.tell(...all);
  const frame = app.frame().split("\n");
  expect(frame).toHaveLength(rows);
  // Ink leaves out blanks at the end of a row.
  for (const row of frame) expect(measure(row)).toBeLessThanOrEqual(columns);
  for (const row of frame.slice(1, -2)) expect(measure(row)).toBe(columns);
  expect(frame[0]).toContain("1 running  1 stopped");
  expect(frame.join("\n")).toContain("alpha");
  expect(frame.join("\n")).toMatch(/漢字 👍 and red/);
});

it("speaks kindly where there is no room", () => {
  using app = drawApp({ columns: 40, rows: 8 });
  app.tell(...all);
  expect(app.frame()).toContain("60x15 is needed");
});

it("says what to do next on an empty host", () => {
  const empty: MirrorAction = {
    type: "state",
    item: {
      type: "snapshot",
      revision: 1,
      containers: [],
      images: [anImage()],
      networks: [],
      volumes: [],
      operations: [],
    },
  };
  using app = drawApp({ columns: 100, rows: 30 });
  app.tell(connected, empty);
  expect(app.frame()).toMatch(/gantry demo[\s\S]*gantry load[\s\S]*gantry import/);
  expect(app.frame()).toMatch(/press n +a new container of \S+, here/);
  expect(app.frame()).toMatch(/press u +an image from a registry/);
  expect(app.frame().split("\n").at(-1)).toMatch(
    /^ u pull {2}n new {2}f full {2}E events {2}: commands {2}\? help {2}q quit *$/,
  );
  using small = drawApp({ columns: 60, rows: 15 });
  small.tell(connected, empty);
  expect(small.frame()).toMatch(/No containers yet\.[\s\S]*gantry demo/);
  using readOnly = drawApp({ columns: 100, rows: 30 }, { readOnly: true });
  readOnly.tell(connected, empty);
  expect(readOnly.frame()).not.toContain("gantry demo");
});

it("asks before it deletes, and does it for the container that was named", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  app.tell(...all);
  app.press("d");
  expect(app.frame()).toContain("delete container alpha (it is running)?");
  app.press("x");
  expect(app.frame()).not.toContain("delete container");
  expect(app.asked).toEqual([]);
  app.press("d");
  app.tell({
    type: "state",
    item: {
      type: "change",
      revision: 2,
      containers: [aContainer({ id: "a", name: "alpha", status: "exited" })],
      removedContainers: [],
      images: [],
      removedImages: [],
      operations: null,
    },
  });
  app.press("y");
  expect(app.asked).toEqual(['containers.remove {"container":"a","force":true,"volumes":false}']);
  expect(app.frame()).toContain("deleting alpha");
});

it("moves, marks and acts on what is marked", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  app.tell(...all);
  app.press("j", "k", "G", "g", " ", " ");
  expect(app.frame()).toContain("2 marked");
  app.press("r");
  expect(app.asked.filter((method) => method.startsWith("containers.restart"))).toHaveLength(2);
  expect(app.frame()).toContain("restarting alpha, beta 0/2");
  app.press("esc");
  expect(app.frame()).not.toContain("marked");
});

it("filters as it is typed, and goes back on Esc", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  app.tell(...all);
  app.press("/", "b", "e", "t");
  expect(app.frame()).toContain("/bet 1 of 2");
  expect(app.frame()).not.toMatch(/[●○] alpha/);
  app.press("esc");
  expect(app.frame()).toMatch(/[●○] alpha/);
});

it("shows progress of long work, and the newest message", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  app.tell(...all, {
    type: "state",
    item: {
      type: "change",
      revision: 2,
      containers: [],
      removedContainers: [],
      images: [],
      removedImages: [],
      operations: [
        {
          id: "o",
          kind: "load",
          title: "load debian.tar",
          startedAt: "",
          isCancellable: true,
          progress: { phase: "unpacking", object: "", current: 30, total: 120, unit: "bytes" },
        },
      ],
    },
  });
  expect(app.frame()).toMatch(/load debian\.tar unpacking ███.* 25%/);
  app.press("T");
  expect(app.frame()).toContain("theme light");
});

it("says for how long the engine is lost, and keeps what it knows", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  const reason = new EngineError("unavailable", "no engine listens", { hint: "start it with: gantry engine start" });
  app.tell(...all, {
    type: "connection",
    state: { status: "lost", since: Date.now() - 12_300, reason, isStopped: false },
  });
  expect(app.frame()).toContain("engine lost 12s ago, retrying");
  expect(app.frame()).toContain("no engine listens");
  expect(app.frame()).toContain("alpha");
});

it("finds commands in the palette by what is typed", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  app.tell(...all);
  app.press(":", ..."rstrt", "enter");
  expect(app.asked).toEqual(['containers.restart {"container":"a","timeout":null}']);
});

it("cuts a long name in the edge of a pane, and keeps what stands beside it", () => {
  using app = drawApp({ columns: 80, rows: 24 });
  app.tell(...all);
  const container = aContainer({ id: "a", name: "a-name-that-is-far-too-long-for-the-edge-of-this-pane" });
  app.tell({
    type: "state",
    item: {
      type: "snapshot",
      revision: 2,
      containers: [container],
      images: [],
      networks: [],
      volumes: [],
      operations: [],
    },
  });
  expect(app.frame()).toMatch(/5 Stats {2}6 Net {2}7 Vol ─+ a-name-that\S*… {2}follow ─╮/);
});

it("stops all that are marked at once, since each may take its ten seconds", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  const containers = Array.from({ length: 12 }, (_, index) => aContainer({ id: `c${index}`, name: `web-${index}` }));
  app.tell(connected, {
    type: "state",
    item: { type: "snapshot", revision: 1, containers, images: [], networks: [], volumes: [], operations: [] },
  });
  app.press("g", ...containers.map(() => "space"), "s");
  expect(app.asked.filter((text) => text.startsWith("containers.stop "))).toHaveLength(12);
  expect(app.frame()).toContain("stopping web-0, web-1 and 10 more 0/12");
});
