import { Text } from "ink";
import { memo } from "react";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { paint, type Style } from "../theme/paint.ts";
import type { Line, Span, Tone } from "../theme/tokens.ts";
import { fitSpans, widthOf } from "./spans.ts";

export type PanelProps = {
  readonly title: readonly Span[];
  /** At the right end of the upper edge. */
  readonly note?: readonly Span[];
  readonly lines: readonly Line[];
  readonly columns: number;
  readonly rows: number;
  readonly focused: boolean;
  readonly style: Style;
};

/** A frame with a title. Contents have columns - 2 by rows - 2 cells; it is one text, which costs Ink a tenth of many. */
export const Panel = memo(function Panel(props: PanelProps) {
  return <Text wrap="truncate">{paint(panelLines(props), props.style)}</Text>;
});

export function panelLines(props: Omit<PanelProps, "style">): Line[] {
  const { columns, rows, lines } = props;
  const tone = props.focused ? "borderFocus" : "border";
  const edge: Span = { text: glyphs.vertical, tone };
  const inside = Array.from({ length: Math.max(0, rows - 2) }, (_, index) => {
    const row = lines[index] ?? { spans: [] };
    const { fill } = row;
    const spans = fitSpans(row.spans, columns - 2);
    // The frame stands outside of the cursor's bar.
    return { spans: [edge, ...(fill === undefined ? spans : spans.map((part) => ({ ...part, fill }))), edge] };
  });
  const bottom = glyphs.bottomLeft + glyphs.horizontal.repeat(columns - 2) + glyphs.bottomRight;
  return [topEdge(props), ...inside, { spans: [{ text: bottom, tone }] }];
}

/** The first part of a note is a name, and gives way where it is long. */
function shortened(note: readonly Span[], room: number): readonly Span[] {
  const excess = widthOf(note) - room;
  const [name, ...rest] = note;
  if (excess <= 0 || name === undefined) return note;
  const left = widthOf([name]) - excess;
  return left < shortestName ? note : [...fitSpans([name], left), ...rest];
}

const shortestName = 8;

function topEdge(props: Omit<PanelProps, "style">): Line {
  const tone: Tone = props.focused ? "borderFocus" : "border";
  const room = props.columns - 6;
  const note = shortened(props.note ?? [], room - widthOf(props.title) - 3);
  const noteWidth = widthOf(note) === 0 ? 0 : widthOf(note) + 2;
  const showNote = noteWidth > 0 && noteWidth + widthOf(props.title) + 1 <= room;
  const title = widthOf(props.title) > room ? fitSpans(props.title, room) : props.title;
  const filler = props.columns - 5 - widthOf(title) - (showNote ? noteWidth + 1 : 0);
  const blank: Span = { text: " ", tone };
  return {
    spans: [
      { text: `${glyphs.topLeft}${glyphs.horizontal} `, tone },
      ...title,
      { text: ` ${glyphs.horizontal.repeat(Math.max(0, filler))}`, tone },
      ...(showNote ? [blank, ...note, blank, { text: glyphs.horizontal, tone }] : []),
      { text: glyphs.topRight, tone },
    ],
  };
}
