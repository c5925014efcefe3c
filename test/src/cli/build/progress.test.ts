import { describe, expect, it } from "vitest";
import type { BuildEvent, BuildStep } from "../../../../engine/protocol/builds.ts";
import { BuildModel, OutputTail, StepTitles } from "../../../../src/cli/build/build-model.ts";
import { checkLines, failureLines, warningLines } from "../../../../src/cli/build/build-report.ts";
import { rawJsonLine } from "../../../../src/cli/build/json-progress.ts";
import { LiveBlock } from "../../../../src/cli/build/live-block.ts";
import { PlainProgress } from "../../../../src/cli/build/plain-progress.ts";
import { type FrameOptions, frameOf } from "../../../../src/cli/build/screen-frame.ts";
import { instructionRange, sourceExcerpt } from "../../../../src/cli/build/source-excerpt.ts";
import stringWidth from "../../../../src/components/string-width.ts";

const start = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number) => new Date(start + seconds * 1000).toISOString();

type Fields = Partial<BuildStep> & Pick<BuildStep, "status">;

function step(id: number, fields: Fields): BuildEvent {
  const times = {
    startedAt: fields.status === "waiting" ? null : at(0),
    endedAt: ["waiting", "running"].includes(fields.status) ? null : at(1.24),
  };
  const rest = {
    stage: "build",
    number: id,
    total: 12,
    title: `RUN ${id}`,
    line: id,
    layer: null,
    note: "",
    error: "",
  };
  return { type: "step", step: { id, ...rest, ...times, ...fields } };
}

function output(id: number, text: string): BuildEvent {
  return { type: "output", step: id, stream: 1, text };
}

function modelOf(events: readonly BuildEvent[]): BuildModel {
  const model = new BuildModel();
  for (const event of events) model.take(event, start + 500);
  return model;
}

describe("the last lines of an output", () => {
  it("are whole lines, the unfinished one last", () => {
    const tail = new OutputTail();
    expect(tail.push("a\nb", 1).map(({ text }) => text)).toEqual(["a"]);
    expect(tail.push("c\r\nd\re\rf", 2)).toEqual([{ text: "bc", at: 2 }]);
    expect(tail.last(9).map(({ text }) => text)).toEqual(["a", "bc", "f"]);
    expect(tail.finish(3)).toEqual({ text: "f", at: 3 });
    expect(tail.finish(4)).toBeNull();
  });

  it("are few, and none is endless", () => {
    const tail = new OutputTail();
    tail.push(Array.from({ length: 1000 }, (_, index) => `${index}\n`).join(""), 1);
    for (let index = 0; index < 100; index++) tail.push("x".repeat(10_000), 1);
    const lines = tail.last(100);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)?.text.length).toBeLessThan(20_000);
  });
});

describe("plain progress", () => {
  function tell(events: readonly BuildEvent[], end: readonly string[] = []): string {
    let text = "";
    const plain = new PlainProgress((more) => {
      text += more;
    });
    for (const event of events) plain.take(event, start + 410);
    plain.end(end);
    return text;
  }

  it("numbers the lines of each step", () => {
    const text = tell(
      [
        step(1, { status: "waiting" }),
        step(2, { status: "waiting" }),
        step(1, { status: "cached" }),
        step(2, { status: "running" }),
        output(2, "one\ntwo"),
        step(2, { status: "done" }),
      ],
      ["naming to x done"],
    );
    expect(text).toBe(
      "#1 [build  1/12] RUN 1\n#1 CACHED\n\n#2 [build  2/12] RUN 2\n#2 0.410 one\n#2 0.410 two\n#2 DONE 1.2s\n#2 naming to x done\n",
    );
  });

  it("tells of one step after the other, and turns to one that waits for long", () => {
    let text = "";
    const plain = new PlainProgress((more) => {
      text += more;
    });
    for (const id of [1, 2]) plain.take(step(id, { status: "running", title: "x", stage: "" }), start);
    plain.take(output(2, "second\n"), start + 1_000);
    plain.take(output(1, "first\n"), start + 1_000);
    expect(text).toBe("#1 [ 1/12] x\n#1 1.000 first\n");
    plain.tick(start + 2_000);
    expect(text).toBe("#1 [ 1/12] x\n#1 1.000 first\n");
    plain.tick(start + 6_000);
    expect(text).toBe("#1 [ 1/12] x\n#1 1.000 first\n#1 ...\n\n#2 [ 2/12] x\n#2 1.000 second\n");
  });

  it("tells all that waits when the current step ends", () => {
    const text = tell([
      step(1, { status: "running" }),
      step(2, { status: "running" }),
      step(3, { status: "running" }),
      output(3, "third\n"),
      step(2, { status: "done" }),
      step(1, { status: "done" }),
      step(3, { status: "failed", error: "no" }),
    ]);
    expect(text.replaceAll(/\[build +/g, "[")).toBe(
      "#1 [1/12] RUN 1\n#1 DONE 1.2s\n\n#2 [2/12] RUN 2\n#2 DONE 1.2s\n\n#3 [3/12] RUN 3\n#3 0.410 third\n#3 ERROR: no\n",
    );
  });

  it("lets nothing through that steers a terminal", () => {
    const text = tell([
      step(1, { status: "running", title: "RUN \x1b]0;title\x07\n#9 DONE" }),
      output(1, "\x1b[2Jclear\x9b31m\n"),
    ]);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(text.split("\n")).toHaveLength(3);
  });
});

describe("a frame", () => {
  const size = { columns: 60, rows: 12, now: start + 2_000, startedAt: start, hasColour: false, isFinal: false };
  const draw = (events: readonly BuildEvent[], options: Partial<FrameOptions> = {}) =>
    frameOf(modelOf(events), { ...size, ...options });

  it("shows what runs with its last lines, and what has ended on one line", () => {
    const events = [
      step(1, { status: "done", number: 0, title: "load context" }),
      step(2, { status: "cached" }),
      step(3, { status: "running", note: "1 MB / 2 MB" }),
      step(4, { status: "waiting" }),
      output(1, "gone\n"),
      output(3, "a\nb\nc"),
    ];
    expect(draw(events)).toEqual([
      "[+] Building 2.0s (2/4)",
      " => load context                                       1.2s",
      " => CACHED [build  2/12] RUN 2                         1.2s",
      " => [build  3/12] RUN 3                                2.0s",
      " => => 1 MB / 2 MB",
      " => => # a",
      " => => # b",
      " => => # c",
    ]);
  });

  it("fits every screen", () => {
    const events = Array.from({ length: 40 }, (_, index) => {
      const status = index % 3 === 0 ? "running" : "done";
      return [step(index + 1, { status, title: "RUN 宽 ".repeat(20) }), output(index + 1, "line\n".repeat(20))];
    }).flat();
    for (const columns of [1, 5, 20, 80]) {
      for (const rows of [1, 2, 3, 6, 24, 80]) {
        const lines = draw(events, { columns, rows, hasColour: true });
        expect(lines.length).toBeLessThanOrEqual(Math.max(2, rows - 1));
        for (const line of lines) expect(stringWidth(line)).toBeLessThan(Math.max(2, columns));
      }
    }
  });

  it("keeps the newest of what has ended where there is little room", () => {
    const events = Array.from({ length: 30 }, (_, index) => step(index + 1, { status: "done" }));
    const lines = draw([...events, step(31, { status: "running" })], { rows: 8 });
    expect(lines.map((line) => /RUN (\d+)/.exec(line)?.[1])).toEqual([undefined, "26", "27", "28", "29", "30", "31"]);
    expect(draw(events, { isFinal: true })).toHaveLength(31);
    const late = draw([step(1, { status: "done", endedAt: at(9) }), ...events.slice(1)], { rows: 6 });
    expect(late.map((line) => /RUN (\d+)/.exec(line)?.[1])).toEqual([undefined, "1", "28", "29", "30"]);
  });

  it("has colours where they are wanted", () => {
    const lines = draw([step(1, { status: "failed" })], { hasColour: true });
    expect(lines[1]).toMatch(/^\x1b\[31m => ERROR \[build {2}1\/12\] RUN 1 +1\.2s\x1b\[0m$/);
    expect(draw([step(1, { status: "cancelled" })])[1]).toContain(" => CANCELED [build");
  });

  it("says when all is done", () => {
    expect(draw([step(1, { status: "done" })], { isFinal: true })[0]).toBe("[+] Building 2.0s (1/1) FINISHED");
  });
});

describe("a live block", () => {
  function screen(columns = 40) {
    const writes: string[] = [];
    return {
      writes,
      block: new LiveBlock({ write: (text: string) => writes.push(text) }, () => ({ columns, rows: 10 })),
    };
  }

  it("writes once a frame, and only the lines that are others", () => {
    const { writes, block } = screen();
    block.show(["one", "two", "three"]);
    block.show(["one", "TWO", "three"]);
    block.show(["one", "TWO", "three"]);
    expect(writes).toEqual(["\x1b[?25l\rone\x1b[K\n\rtwo\x1b[K\n\rthree\x1b[K\n\r", "\x1b[2A\rTWO\x1b[K\x1b[2B\r"]);
  });

  it("grows and shrinks", () => {
    const { writes, block } = screen();
    block.show(["one"]);
    block.show(["one", "two"]);
    block.show(["uno"]);
    expect(writes.slice(1)).toEqual(["\rtwo\x1b[K\n\r", "\x1b[2A\runo\x1b[K\x1b[1B\r\x1b[J"]);
  });

  it("leaves its last lines, and the cursor to be seen", () => {
    const { writes, block } = screen();
    block.show(["one"]);
    block.end(["done"]);
    block.showCursor();
    expect(writes.at(-1)).toBe("\x1b[1A\r\x1b[Jdone\n\x1b[?25h");
    expect(writes).toHaveLength(2);
  });
});

describe("the Dockerfile around a line", () => {
  const text = "FROM a\n\nRUN one \\\n  # why\n  two \\\n\n  three\nCOPY <<EOF /x\nhello\nEOF\nENV a=b\nENV c=d\n";

  it("has the whole instruction marked", () => {
    expect(instructionRange(text, 3)).toEqual({ first: 3, last: 7 });
    expect(instructionRange(text, 8)).toEqual({ first: 8, last: 10 });
    expect(instructionRange(text, 11)).toEqual({ first: 11, last: 11 });
    expect(instructionRange("# escape=`\nRUN a `\n  b\nRUN c\\\nRUN d", 2)).toEqual({ first: 2, last: 3 });
    expect(instructionRange("# escape=`\nRUN c\\\nRUN d", 2)).toEqual({ first: 2, last: 2 });
  });

  it("is shown as BuildKit does", () => {
    expect(sourceExcerpt("Dockerfile", text, { first: 11, last: 11 })).toEqual([
      "Dockerfile:11",
      "--------------------",
      "   9 |     hello",
      "  10 |     EOF",
      "  11 | >>> ENV a=b",
      "  12 |     ENV c=d",
      "--------------------",
    ]);
    expect(sourceExcerpt("Dockerfile", text, { first: 99, last: 99 })).toEqual([]);
  });
});

it("tells of a failure with output, place and reason", () => {
  const model = modelOf([step(2, { status: "running" }), output(2, "oops\n"), step(2, { status: "failed" })]);
  const lines = failureLines(
    model.failed,
    { fileName: "Dockerfile", text: "FROM a\nRUN 2\n", line: 2 },
    "it\x1b[2J broke",
  );
  expect(lines).toEqual([
    "------",
    " > [build  2/12] RUN 2:",
    "0.500 oops",
    "------",
    "Dockerfile:2",
    "--------------------",
    "   1 |     FROM a",
    "   2 | >>> RUN 2",
    "--------------------",
    "ERROR: it broke",
  ]);
  expect(failureLines(null, { fileName: "", text: "", line: 0 }, "gone")).toEqual(["ERROR: gone"]);
});

it("lists what the checks found", () => {
  const warning = { rule: "StageNameCasing", message: "m", description: "d", url: "https://u", line: 1 };
  expect(warningLines([warning], false).slice(1)).toEqual([
    " 1 warning found (use --check to see them in full):",
    " - StageNameCasing: m (line 1)",
  ]);
  const lines = checkLines([warning], { fileName: "Dockerfile", text: "FROM a AS B\n" });
  expect(lines.slice(0, 7)).toEqual([
    "Check complete, 1 warning has been found!",
    "",
    "WARNING: StageNameCasing - https://u",
    "d",
    "m",
    "Dockerfile:1",
    "--------------------",
  ]);
  expect(checkLines([], { fileName: "", text: "" })).toEqual(["Check complete, no warnings found."]);
});

it("speaks to programs that know BuildKit", () => {
  const [vertex, log] = [step(1, { status: "cached" }), output(1, "hi\n")].map((event) =>
    JSON.parse(rawJsonLine(event, new StepTitles(), start) ?? ""),
  );
  expect(vertex.vertexes[0]).toMatchObject({
    name: "[build  1/12] RUN 1",
    cached: true,
    started: at(0),
    completed: at(1.24),
  });
  expect(log.logs[0]).toEqual({ vertex: vertex.vertexes[0].digest, stream: 1, data: "aGkK", timestamp: at(0) });
});
