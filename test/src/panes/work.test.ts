import { expect, it } from "vitest";
import type { ProgressPart } from "../../../engine/protocol/rpc.ts";
import { fitParts, shortTitle, workRow } from "../../../src/panes/work/view-model.ts";
import { workLines, workStrip } from "../../../src/panes/work/work-view.ts";
import type { Line } from "../../../src/theme/tokens.ts";
import { anOperation } from "../../support/protocol-values.ts";

const part = (id: string, phase: ProgressPart["phase"], current = 0): ProgressPart => ({
  id,
  phase,
  current,
  total: 1e6,
});
const look = { now: 2000, short: false };
const nothing = { phase: "", object: "", current: 0, total: null, unit: "bytes" } as const;
const pace = [
  { at: 0, bytes: 0, progress: nothing },
  { at: 2000, bytes: 1e6, progress: nothing },
];

function pulling(parts: readonly ProgressPart[], current: number, total: number | null = 4e6) {
  return anOperation({
    progress: { phase: "pulling", object: "nginx", current, total, unit: "bytes", parts: [...parts] },
  });
}

const text = (lines: readonly Line[]) =>
  lines.map(({ spans }) =>
    spans
      .map((one) => one.text)
      .join("")
      .trimEnd(),
  );

it("tells state, share, bytes, rate and time left", () => {
  const operation = pulling([part("a", "done"), part("b", "downloading", 5e5)], 1e6);
  expect(workRow(operation, pace, look)).toEqual({
    id: "o1",
    title: "pull nginx:latest",
    sign: "↓",
    state: "downloading",
    share: 0.25,
    amount: "1MB/4MB",
    rate: "500kB/s",
    left: "6s",
  });
});

it("names the state by what the layers do", () => {
  const state = (...phases: ProgressPart["phase"][]) =>
    workRow(
      pulling(
        phases.map((phase) => part("x", phase)),
        1,
      ),
      [],
      look,
    ).state;
  expect(state("waiting", "unpacking", "downloading")).toBe("downloading");
  expect(state("waiting", "unpacking", "done")).toBe("unpacking");
  expect(state("waiting", "present")).toBe("waiting");
  expect(state("done", "present")).toBe("finishing");
  expect(state("mounted", "uploading")).toBe("uploading");
  expect(workRow(anOperation(), [], look)).toMatchObject({
    state: "starting",
    share: null,
    amount: "",
    rate: "",
    left: "",
  });
});

it("says nothing where the whole is unknown, and nothing absurd", () => {
  const receiving = { phase: "receiving", object: "", current: 3e6, total: null, unit: "bytes" } as const;
  const load = anOperation({ kind: "load", title: "load", progress: receiving });
  expect(workRow(load, pace, look)).toMatchObject({ state: "receiving", share: null, amount: "3MB", left: "" });
  expect(workRow(pulling([], 9e6), pace, look)).toMatchObject({ share: 1, amount: "4MB/4MB", left: "" });
  const slow = pace.map((sample, index) => ({ ...sample, bytes: index }));
  expect(workRow(pulling([], 1), slow, look).left).toBe("");
  expect(workRow(pulling([], 5, 0), pace, look).share).toBeNull();
});

it("makes what comes from outside safe", () => {
  const evil = anOperation({
    title: "pull a\u001b[2Jb\n",
    progress: { phase: "\u001b]0;x\u0007phase", object: "o\r", current: 0, total: 1, unit: "bytes" },
  });
  const drawn = text(workLines(input(evil), { width: 100, height: 20 })).join("\n");
  expect(drawn).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(drawn).toContain("pull ab");
});

function input(...operations: ReturnType<typeof anOperation>[]) {
  return { operations, paces: new Map(), now: 0, selection: { id: null, index: 0 } };
}

it("shortens a name by its registry only where it is long", () => {
  expect(shortTitle("pull registry.example.com:5000/team/web:1.2")).toBe("pull …/team/web:1.2");
  expect(shortTitle("pull library/nginx:latest-and-greatest")).toBe("pull library/nginx:latest-and-greatest");
  expect(shortTitle("pull a.b/web:1")).toBe("pull a.b/web:1");
});

it("shows what is under way where not all layers fit, and counts the rest", () => {
  const parts = [part("a", "done"), part("b", "present"), part("c", "downloading"), part("d", "waiting")];
  expect(fitParts(parts, 4)).toEqual({ shown: parts, rest: "" });
  expect(fitParts(parts, 3)).toEqual({ shown: [parts[2], parts[3]], rest: "2 more: here" });
  expect(fitParts(parts, 2)).toEqual({ shown: [parts[2]], rest: "3 more: 1 waiting, 2 here" });
});

it("lists all work, and the layers of the one under the cursor", () => {
  const first = pulling([part("aaaaaaaaaaaa", "downloading", 5e5), part("bbbbbbbbbbbb", "waiting")], 5e5);
  const second = anOperation({ id: "o2", kind: "save", title: "save busybox" });
  const lines = text(workLines(input(first, second), { width: 108, height: 20 }));
  expect(lines[0]).toMatch(/^ {2}WORK +BYTES +RATE +LEFT$/);
  expect(lines[1]).toMatch(/^┃ pull nginx:latest +downloading +█▌╌+ +12% +500kB\/4MB$/);
  expect(lines[2]).toMatch(/^ {2}save busybox +starting$/);
  expect(lines[5]).toMatch(/^ {2}aaaaaaaaaaaa +downloading +█{12}╌{12} +500kB\/1MB$/);
  expect(lines[6]).toMatch(/^ {2}bbbbbbbbbbbb +waiting +1MB$/);
  const other = workLines({ ...input(first, second), selection: { id: "o2", index: 1 } }, { width: 108, height: 20 });
  expect(text(other)[4]).toBe("  waiting for the first answer");
  expect(text(workLines(input(), { width: 60, height: 9 }))[1]).toBe("  nothing is under way");
});

it("takes few rows of a pane, and never more than it may", () => {
  const three = ["a", "b", "c"].map((id) => anOperation({ id, title: `pull ${id}` }));
  expect(text(workStrip(input(...three), 60, 3))).toHaveLength(3);
  expect(text(workStrip(input(...three), 60, 2))).toEqual([expect.stringMatching(/^↓ pull a +starting$/), "  2 more"]);
  expect(workStrip(input(...three), 60, 0)).toEqual([]);
  expect(workStrip(input(), 60, 4)).toEqual([]);
});
