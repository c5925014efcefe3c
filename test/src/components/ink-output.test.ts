import { join } from "node:path";
import { pathToFileURL } from "node:url";
import xterm from "@xterm/headless";
import { expect, it } from "vitest";
import OwnOutput, { sliceColumns } from "../../../src/components/ink-output.ts";

type AnyOutput = {
  write(x: number, y: number, text: string, options: { transformers: ((line: string) => string)[] }): void;
  clip(clip: { x1?: number; x2?: number; y1?: number; y2?: number }): void;
  unclip(): void;
  get(): { output: string; height: number };
};

const inkOutput = pathToFileURL(join(process.cwd(), "node_modules/ink/build/output.js")).href;
const { default: InkOutput } = (await import(inkOutput)) as {
  default: new (size: { width: number; height: number }) => AnyOutput;
};

/** Cells as a terminal shows them: letters and colours. */
async function cellsOf(output: string): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: 40, rows: 8, allowProposedApi: true, convertEol: true });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const cells = Array.from({ length: 8 * 40 }, (_, index) => {
    const cell = terminal.buffer.active.getLine(Math.floor(index / 40))?.getCell(index % 40);
    const letter = cell?.getChars() || " ";
    return `${letter} ${letter === " " ? "" : cell?.getFgColor()} ${cell?.getBgColor()} ${letter === " " ? "" : cell?.isBold()}`;
  });
  terminal.dispose();
  return cells;
}

async function same(draw: (output: AnyOutput) => void): Promise<void> {
  const size = { width: 40, height: 8 };
  const own = new OwnOutput(size);
  const ink = new InkOutput(size);
  draw(own);
  draw(ink);
  expect(await cellsOf(own.get().output)).toEqual(await cellsOf(ink.get().output));
  expect(own.get().height).toBe(ink.get().height);
}

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
const filled = (text: string) => `\u001b[1m\u001b[48;5;24m${text}\u001b[49m\u001b[22m`;
const plain = { transformers: [] };

it("puts texts beside and below each other", () =>
  same((output) => {
    output.write(0, 0, `${red("left")}  \n${filled("row two ")}`, plain);
    output.write(20, 0, "right\nlower", plain);
    output.write(4, 5, "漢字 👍", plain);
  }));

it("puts one text over others, in the middle of letters and colours", () =>
  same((output) => {
    output.write(
      0,
      0,
      Array.from({ length: 8 }, () => `${filled("0123456789")}${red("漢字漢字漢字")}end`).join("\n"),
      plain,
    );
    output.write(5, 2, `${red("+----+")}\n|    |\n+----+`, plain);
    output.write(13, 3, filled("over"), plain);
    output.write(0, 6, "begin", plain);
  }));

it("clips, inside of another clip as well", () =>
  same((output) => {
    output.clip({ x1: 2, x2: 12, y1: 1, y2: 4 });
    output.write(0, 0, Array.from({ length: 8 }, () => red("abcdefghijklmnop")).join("\n"), plain);
    output.clip({ x1: 0, x2: 6 });
    output.write(3, 2, "漢字漢字", plain);
    output.unclip();
    output.unclip();
    output.write(30, 7, filled("to the end and beyond"), plain);
  }));

it("transforms each row", () =>
  same((output) => output.write(1, 1, "one\ntwo", { transformers: [(line) => red(line)] })));

it("cuts wide letters into blanks", () => {
  expect(sliceColumns("漢字ab", 1, 5)).toBe(" 字a");
  expect(sliceColumns(red("abc"), 1, 2)).toBe(red("b"));
});
