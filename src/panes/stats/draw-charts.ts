import { gauge, lineChart, type Size, sparkline } from "../../components/charts/contrib.ts";
import { fitSpans, loadTone, spread } from "../../components/spans.ts";
import { emptyLine, type Line, line, type Span, span, type Tone } from "../../theme/tokens.ts";
import { axisSteps, type Chart, tail } from "./view-model.ts";

const seriesTones: readonly Tone[] = ["series1", "series2"];
/** Heading, gauge and the lowest curve that still says something. */
const smallestChart = 5;

/** All charts in the room there is: two by two, one below the other, or a row of bars each. */
export function drawCharts(charts: readonly Chart[], size: Size): Line[] {
  const half = Math.ceil(charts.length / 2);
  if (size.width >= 70 && size.height >= smallestChart * half) return drawGrid(charts, size);
  if (size.height >= (smallestChart + 1) * charts.length) return drawColumn(charts, size);
  if (size.height >= 12) return drawMixed(charts, size);
  return drawSparklines(charts, size);
}

/** CPU and memory as curves, the others in a row each. */
function drawMixed(charts: readonly Chart[], size: Size): Line[] {
  const curves = charts.slice(0, 2);
  const others = charts.slice(2);
  const room = { width: size.width, height: size.height - others.length };
  return [...drawColumn(curves, room), ...drawSparklines(others, { width: size.width, height: others.length })];
}

function drawGrid(charts: readonly Chart[], size: Size): Line[] {
  const left = Math.floor((size.width - 2) / 2);
  const right = size.width - 2 - left;
  const bands = Math.ceil(charts.length / 2);
  const gap = size.height >= (smallestChart + 1) * bands ? 1 : 0;
  const heights = shares(size.height - gap * (bands - 1), bands);
  return heights.flatMap((height, band) => {
    const [first, second] = charts.slice(band * 2, band * 2 + 2);
    const leftRows = first === undefined ? [] : drawChart(first, { width: left, height });
    const rightRows = second === undefined ? [] : drawChart(second, { width: right, height });
    const rows = Array.from({ length: height }, (_, index) =>
      line(
        ...fitSpans(leftRows[index]?.spans ?? [], left),
        span("  "),
        ...fitSpans(rightRows[index]?.spans ?? [], right),
      ),
    );
    return gap === 1 && band < bands - 1 ? [...rows, emptyLine] : rows;
  });
}

function drawColumn(charts: readonly Chart[], size: Size): Line[] {
  const heights = shares(size.height, charts.length);
  return charts.flatMap((chart, index) =>
    drawChart(chart, { width: size.width, height: heights[index] ?? smallestChart }),
  );
}

/** As even as can be; what is left over goes to the first. */
function shares(total: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, index) => Math.floor(total / parts) + (index < total % parts ? 1 : 0));
}

/** Heading, gauge against the limit, curve. */
function drawChart(chart: Chart, size: Size): Line[] {
  const gaugeRows = chart.gauge === null ? [] : [drawGauge(chart.gauge, size.width)];
  const height = size.height - 1 - gaugeRows.length;
  // A cell of braille has two dots beside each other.
  const points = Math.max(2, (size.width - 7) * 2);
  const curve = lineChart(
    {
      series: chart.curves.map((values, index) => ({ values: tail(values, points), tone: toneOf(index) })),
      top: chart.top,
      labels: axisSteps(chart.top, height),
    },
    { width: size.width, height },
  );
  return [heading(chart, size.width), ...gaugeRows, ...curve];
}

function heading(chart: Chart, width: number): Line {
  return spread([span(chart.title, "title"), span(` ${chart.unit}`, "faint")], valueSpans(chart), width);
}

function valueSpans(chart: Chart): Span[] {
  const paired = chart.curves.length > 1;
  return chart.values.flatMap((value, index) => {
    const label = value.label === "" ? "" : `${value.label} `;
    const tone: Tone = paired ? toneOf(index) : value.label === "throttled" ? "warn" : index === 0 ? "strong" : "muted";
    return [span(index === 0 ? "" : "  "), span(label, "muted"), span(value.text, tone)];
  });
}

function drawGauge(state: NonNullable<Chart["gauge"]>, width: number): Line {
  const text = ` ${state.text}`;
  const bar = gauge(state.share, loadTone(state.share), Math.max(4, width - text.length));
  return line(...bar.spans, span(text, "muted"));
}

/** For little room: each chart in two rows, or one. */
function drawSparklines(charts: readonly Chart[], size: Size): Line[] {
  const roomy = size.height >= charts.length * 3;
  const rows = charts.flatMap((chart) => {
    const name = `${chart.title}`.padEnd(8);
    const values = valueSpans(chart);
    const bar =
      chart.gauge === null
        ? []
        : [
            span("  "),
            ...gauge(chart.gauge.share, loadTone(chart.gauge.share), 12).spans,
            span(` ${chart.gauge.text}`, "muted"),
          ];
    const curve = sparkline(
      chart.curves[0] ?? [],
      "series1",
      Math.max(4, roomy ? size.width : Math.floor(size.width / 3)),
    );
    if (roomy) return [line(span(name, "title"), ...values, ...bar), curve, emptyLine];
    return [line(span(name, "title"), ...curve.spans, span("  "), ...values, ...bar)];
  });
  return rows.slice(0, size.height);
}

function toneOf(index: number): Tone {
  return seriesTones[index] ?? "series1";
}
