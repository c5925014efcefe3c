import { expect, it } from "vitest";
import { emptyMirror, historyLength, type Mirror, type MirrorAction, reduceMirror } from "../../../src/store/mirror.ts";
import { pinSelections } from "../../../src/store/pin-selections.ts";
import { selectedContainer, totals } from "../../../src/store/selectors.ts";
import { initialUi, reduceUi } from "../../../src/store/ui.ts";
import { aContainer, aLine, anImage, aSample } from "../../support/protocol-values.ts";

const after = (...actions: readonly MirrorAction[]): Mirror => actions.reduce(reduceMirror, emptyMirror);

const snapshot: MirrorAction = {
  type: "state",
  item: {
    type: "snapshot",
    revision: 1,
    containers: [
      aContainer({ id: "c", name: "web-10", status: "exited" }),
      aContainer({ id: "b", name: "web-9" }),
      aContainer({ id: "a", name: "web-10b" }),
    ],
    images: [anImage({ id: "i2", references: [] }), anImage({ id: "i1" })],
    networks: [],
    volumes: [],
    operations: [],
  },
};

const change = (fields: object): MirrorAction => ({
  type: "state",
  item: {
    type: "change",
    revision: 2,
    containers: [],
    removedContainers: [],
    images: [],
    removedImages: [],
    operations: null,
    ...fields,
  },
});

it("puts what lives first, by name as people count", () => {
  const mirror = after(snapshot);
  expect(mirror.containers.map(({ id }) => id)).toEqual(["b", "a", "c"]);
  expect(mirror.images.map(({ id }) => id)).toEqual(["i1", "i2"]);
  expect(mirror.synced).toBe(true);
});

it("applies changes and drops the curves of what is gone", () => {
  const mirror = after(
    snapshot,
    { type: "stats", samples: [aSample({ container: "a" }), aSample({ container: "b" })] },
    change({ containers: [aContainer({ id: "b", name: "web-9", status: "exited" })], removedContainers: ["a"] }),
  );
  expect(mirror.containers.map(({ id, status }) => `${id} ${status}`)).toEqual(["b exited", "c exited"]);
  expect([...mirror.stats.keys()]).toEqual(["b"]);
});

it("keeps ten minutes of samples, and puts older ones before them once", () => {
  const samples = Array.from({ length: historyLength + 5 }, (_, time) => aSample({ time }));
  const mirror = after(...samples.map((sample) => ({ type: "stats", samples: [sample] }) as const));
  expect(mirror.stats.get("c1")).toHaveLength(historyLength);
  const few = after({ type: "stats", samples: [aSample({ time: 10 })] });
  const filled = reduceMirror(few, {
    type: "history",
    container: "c1",
    samples: [8, 9, 10].map((time) => aSample({ time })),
  });
  expect(filled.stats.get("c1")?.map(({ time }) => time)).toEqual([8, 9, 10]);
});

it("drops lines that belong to logs no longer looked at", () => {
  const opened = after({ type: "logs-opened", containers: ["c1"], contains: "" });
  const { key } = opened.logs;
  const shown = reduceMirror(opened, {
    type: "logs",
    key,
    lines: [aLine(1), aLine(2, { text: "\u001b[31mred\u0007" })],
  });
  expect(shown.logs.lines.map(({ text, sequence }) => `${sequence} ${text}`)).toEqual(["0 line 1", "1 red"]);
  expect(reduceMirror(shown, { type: "logs", key: "other", lines: [aLine(3)] })).toBe(shown);
});

it("puts older lines before the others, with lower numbers", () => {
  const opened = after({ type: "logs-opened", containers: ["c1"], contains: "" });
  const { key } = opened.logs;
  const shown = reduceMirror(opened, { type: "logs", key, lines: [aLine(100)] });
  const paged = reduceMirror(shown, {
    type: "logs-older",
    key,
    lines: [aLine(10), aLine(20)],
    before: new Map([["c1", null]]),
  });
  expect(paged.logs.lines.map(({ sequence }) => sequence)).toEqual([-2, -1, 0]);
});

it("adds up what runs", () => {
  const mirror = after(snapshot, {
    type: "stats",
    samples: [aSample({ container: "a", cpu: 30 }), aSample({ container: "b" })],
  });
  expect(totals(mirror)).toMatchObject({ running: 2, stopped: 1, images: 2, cpu: 80 });
});

it("keeps the cursor on its container when the list is sorted anew", () => {
  const before = after(snapshot);
  const started = pinSelections(emptyMirror, before, initialUi).reduce(reduceUi, initialUi);
  expect(selectedContainer(before, started)?.id).toBe("b");
  const stopped = reduceMirror(
    before,
    change({ containers: [aContainer({ id: "b", name: "web-9", status: "exited" })] }),
  );
  const pinned = pinSelections(before, stopped, started).reduce(reduceUi, started);
  expect(selectedContainer(stopped, pinned)?.id).toBe("b");
  expect(pinned.selections.containers.index).toBe(1);
  const gone = reduceMirror(stopped, change({ removedContainers: ["b"] }));
  const next = pinSelections(stopped, gone, pinned).reduce(reduceUi, pinned);
  expect(selectedContainer(gone, next)?.id).toBe("c");
});

it("waits for a container that was just made", () => {
  const mirror = after(snapshot);
  const waiting = reduceUi(initialUi, { type: "select", pane: "containers", selection: { id: "new", index: 0 } });
  expect(pinSelections(mirror, mirror, waiting).filter(({ type }) => type === "pin")).toMatchObject([
    { pane: "images" },
  ]);
});
