import type { ComparedFile } from "../../../engine/protocol/files.ts";
import { fitSpans, widthOf } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Browsed, CompareScreen } from "../../store/browser.ts";
import { itemAt } from "../../store/paged.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { emptyLine, type Line, line, type Span, span } from "../../theme/tokens.ts";
import { changeSigns } from "./tree-view.ts";

export type ComparedRow = { readonly id: string; readonly file: ComparedFile | null };

export function comparedRows({ list }: CompareScreen, from: number, count: number): ComparedRow[] {
  const shown = Math.max(0, Math.min(count, (list.total ?? 0) - from));
  return Array.from({ length: shown }, (_, offset) => {
    const file = itemAt(list, from + offset);
    return { id: file?.path ?? `row ${from + offset}`, file };
  });
}

export const comparedColumns: readonly Column<ComparedRow>[] = [
  {
    title: "",
    minimum: 1,
    maximum: 1,
    priority: 0,
    spans: ({ file }) => (file === null ? [] : [span(changeSigns[file.change].sign, changeSigns[file.change].tone)]),
  },
  sizeColumn("LEFT", ({ left }) => left),
  sizeColumn("RIGHT", ({ right }) => right),
  {
    title: "PATH",
    minimum: 20,
    maximum: 400,
    priority: 0,
    cutsStart: true,
    spans: ({ file }) => (file === null ? [span(glyphs.ellipsis, "faint")] : [span(screenText(file.path))]),
  },
];

function sizeColumn(title: string, sizeOf: (file: ComparedFile) => number | null): Column<ComparedRow> {
  const spans = ({ file }: ComparedRow): readonly Span[] => {
    const size = file === null ? null : sizeOf(file);
    return size === null ? [] : [span(formatBytes(size))];
  };
  return { title, minimum: 8, maximum: 8, priority: 1, align: "right", spans };
}

/** How many layers are shared and how many each has for itself. */
export function comparedHead(screen: CompareScreen): Line[] {
  const { left, right, layers } = screen;
  if (layers === null) return [line(span(" comparing", "muted")), emptyLine, emptyLine, emptyLine];
  const both = span("the same layers", "muted");
  const width = Math.min(40, Math.max(...[left, right].map((one) => widthOf([nameSpan(one)])), both.text.length));
  const side = (label: string, diffIDs: readonly string[], name: Span): Line =>
    line(
      span(` ${label.padEnd(7)}`, "muted"),
      ...fitSpans([name], width),
      span(`  ${countText(diffIDs.length)}`),
      span(sizeText(screen, diffIDs), "muted"),
    );
  return [
    side("Left", layers.leftLayers, nameSpan(left)),
    side("Right", layers.rightLayers, nameSpan(right)),
    side("Both", layers.sharedLayers, both),
    emptyLine,
  ];
}

export function nameSpan({ name }: Pick<Browsed, "name">): Span {
  return span(screenText(name), "accent");
}

function countText(count: number): string {
  return count === 0 ? "no layer" : count === 1 ? "1 layer" : `${count} layers`;
}

function sizeText({ known }: CompareScreen, diffIDs: readonly string[]): string {
  const rows = diffIDs.flatMap((diffID) => known.get(diffID) ?? []);
  return rows.length < diffIDs.length || rows.length === 0
    ? ""
    : `  ${formatBytes(rows.reduce((sum, { size }) => sum + size, 0))}`;
}

/** The layers of both sides, for the left edge of a wide screen. */
export function comparedLayerLines(screen: CompareScreen): Line[] {
  const { layers, known, left, right } = screen;
  if (layers === null) return [];
  const group = (title: Span, diffIDs: readonly string[]): Line[] => {
    const rows = diffIDs.map((diffID) => {
      const row = known.get(diffID);
      const text = row === undefined ? shortID(diffID) : row.command;
      return line(
        span(`  ${(row === undefined ? "" : formatBytes(row.size)).padStart(8)}  `, "muted"),
        span(text, "text"),
      );
    });
    const none = [line(span("            none", "faint"))];
    return [line(span(" "), title), ...(rows.length === 0 ? none : rows.toReversed()), emptyLine];
  };
  return [
    ...group(nameSpan(left), layers.leftLayers),
    ...group(nameSpan(right), layers.rightLayers),
    ...group(span("In both", "title"), layers.sharedLayers),
  ];
}
