import AnsiTerminal from "ansi-term";
import LineWidget from "blessed-contrib/lib/widget/charts/line.js";
import GaugeWidget from "blessed-contrib/lib/widget/gauge.js";
import SparklineWidget from "blessed-contrib/lib/widget/sparkline.js";
import drawille from "drawille-canvas-blessed-contrib";
import { unicodeGlyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, type Tone, tones } from "../../theme/tokens.ts";

/**
 * The one place that knows blessed-contrib. Its widgets are real and draw as ever, but on a canvas in memory instead of on
 * blessed's screen; what they draw comes back as rows. They are given a number for each colour, and the number means a tone,
 * so that charts follow the theme like everything else.
 */
type Canvas = { readonly _canvas: { frame(): string } };
type Widget = {
  readonly canvasSize: { readonly width: number; readonly height: number };
  ctx: Canvas;
  calcSize(): void;
  setData(data: unknown): void;
};
export type WidgetConstructor = new (options: Readonly<Record<string, unknown>>) => Widget;
export type SparklineConstructor = new (
  options: Readonly<Record<string, unknown>>,
) => { readonly content: string; setData(titles: readonly string[], sets: readonly (readonly number[])[]): void };
export type CanvasConstructor = new (width: number, height: number, type?: unknown) => { getContext(): Canvas };

export type Size = { readonly width: number; readonly height: number };
export type Series = { readonly values: readonly number[]; readonly tone: Tone };
/** `labels`: how many steps the y axis is divided into; `top`: the value at its end. */
export type LineChart = { readonly series: readonly Series[]; readonly top: number; readonly labels: number };

/** Columns that the y labels take on the left. */
const labelColumns = 6;

/** Lines over time, newest value at the right, with labels on the y axis. Exactly `size` rows and columns. */
export function lineChart(chart: LineChart, size: Size): Line[] {
  const widget = new LineWidget({
    // The widget leaves 6 columns of its width unused, and keeps 4 rows for labels of the x axis, which are cut off.
    width: size.width + 6,
    height: size.height + 4,
    xPadding: labelColumns * 2,
    numYLabels: chart.labels,
    minY: 0,
    maxY: chart.top,
    style: { line: colorOf("series1"), text: colorOf("faint"), baseline: colorOf("axis") },
  });
  draw(widget, undefined);
  const longest = Math.max(2, ...chart.series.map((series) => series.values.length));
  widget.setData(
    chart.series.map((series) => ({
      // Labels of one blank: the widget cannot do without them.
      x: new Array(longest).fill(" "),
      y: series.values.length > 0 ? series.values : [0, 0],
      style: { line: colorOf(series.tone) },
    })),
  );
  return rowsOf(widget.ctx._canvas.frame(), size);
}

/** A bar over the full width; `fraction` is 0 to 1. */
export function gauge(fraction: number, tone: Tone, width: number): Line {
  // Of the widget's width 5 columns stay empty at 100 %, and the bar begins in its second one.
  const widget = new GaugeWidget({ width: width + 5, height: 4, stroke: colorOf(tone), fill: 0, showLabel: false });
  draw(widget, AnsiTerminal);
  // It takes a number up to 1 for a fraction and any other for percent.
  // The cell it ends in is drawn as well.
  widget.setData(Math.max(0, Math.min(1, fraction) - 1 / width));
  const [, , row = ""] = widget.ctx._canvas.frame().split("\n");
  const filled = row.match(/\u001b\[48;5;\d+m/g)?.length ?? 0;
  // Less than half a cell is none: a bar that seems to begin would tell of a use that is not there.
  const cells = fraction * width < 0.5 ? 0 : Math.min(width, filled);
  return {
    spans: [
      { text: "█".repeat(cells), tone },
      { text: unicodeGlyphs.track.repeat(width - cells), tone: "track" },
    ],
  };
}

/** A row of bars of eight heights, the newest value at the right. */
export function sparkline(values: readonly number[], tone: Tone, width: number): Line {
  const shown = values.slice(-width);
  if (shown.length === 0) return { spans: [{ text: " ".repeat(width), tone }] };
  const widget = new SparklineWidget({ width: shown.length + 3 });
  // Its lowest bar is the lowest value; a zero in front, cut off again, makes heights comparable.
  widget.setData(["x"], [[0, ...shown]]);
  const bars = [...(widget.content.split("\r\n")[2] ?? "").trimEnd()].slice(1).join("");
  const text = shown.every((value) => value === 0) ? "▁".repeat(shown.length) : bars;
  return { spans: [{ text: " ".repeat(Math.max(0, width - shown.length)) + text, tone }] };
}

function draw(widget: Widget, canvasType: unknown): void {
  widget.calcSize();
  const { width, height } = widget.canvasSize;
  widget.ctx = new drawille.Canvas(width, height, canvasType).getContext();
}

/** Numbers from 16 on, since the widgets give the lower ones names. */
function colorOf(tone: Tone): number {
  return 16 + tones.indexOf(tone);
}

/** Reads a frame back: each coloured run becomes a span of its tone. */
function rowsOf(frame: string, size: Size): Line[] {
  const rows = frame.split("\n").slice(0, size.height);
  return Array.from({ length: size.height }, (_, index) => ({ spans: spansOf(rows[index] ?? "", size.width) }));
}

function spansOf(row: string, width: number): Span[] {
  const spans: Span[] = [];
  let tone: Tone = "text";
  let left = width;
  for (const part of row.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith("\u001b")) {
      tone = toneOf(part) ?? tone;
      continue;
    }
    const text = [...part].slice(0, left).join("");
    left -= [...text].length;
    const last = spans.at(-1);
    if (text === "") continue;
    if (last?.tone === tone) spans[spans.length - 1] = { text: last.text + text, tone };
    else spans.push({ text, tone });
  }
  spans.push({ text: " ".repeat(left), tone: "text" });
  return spans;
}

function toneOf(code: string): Tone | null {
  if (code === "\u001b[39m") return "text";
  const number = /^\u001b\[38;5;(\d+)m$/.exec(code)?.[1];
  return number === undefined ? null : (tones[Number(number) - 16] ?? null);
}
