import { type Column, drawTable } from "../../src/components/table.ts";
import { type Line, span } from "../../src/theme/tokens.ts";

/** Rows as text, without blanks at their ends. */
export function textOf(lines: readonly Line[]): string[] {
  return lines.map(({ spans }) =>
    spans
      .map((one) => one.text)
      .join("")
      .trimEnd(),
  );
}

/** Titles and rows of a table as text. */
export function drawnRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string[] {
  const { header, lines } = drawTable({
    columns,
    rows,
    width,
    from: 0,
    count: rows.length,
    selected: -1,
    selectedFill: "selection",
    gutter: () => span(" "),
  });
  return textOf([header, ...lines]);
}
