import type { Operation } from "../../../engine/protocol/state.ts";
import { drawTable, windowStart } from "../../components/table.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Mirror } from "../../store/mirror.ts";
import { selectedIndex } from "../../store/selectors.ts";
import type { Selection } from "../../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { emptyLine, type Line, line, span } from "../../theme/tokens.ts";
import { fitParts, partColumns, workColumns, workRow } from "./view-model.ts";

export type WorkInput = Pick<Mirror, "operations" | "paces"> & { readonly now: number };

/** All long work, a row each, and below it the layers of the one under the cursor. */
export function workLines(
  input: WorkInput & { readonly selection: Selection },
  size: { readonly width: number; readonly height: number },
): readonly Line[] {
  const { operations, selection } = input;
  if (operations.length === 0) return [emptyLine, line(span("  nothing is under way", "muted"))];
  const selected = selectedIndex(operations, selection);
  const count = Math.max(1, Math.min(operations.length, Math.floor(size.height / 2) - 1));
  const { header, lines } = drawTable({
    columns: workColumns,
    rows: rowsOf(input, size.width),
    width: size.width - 1,
    from: windowStart(operations.length, count, selected, 0),
    count,
    selected,
    selectedFill: "selection",
    gutter: (_row, isSelected) => span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  const operation = operations[selected];
  const left = size.height - lines.length - 3;
  const parts = operation === undefined || left < 2 ? [] : partLines(operation, { width: size.width, height: left });
  return [header, ...lines, emptyLine, ...parts];
}

function partLines({ progress }: Operation, size: { readonly width: number; readonly height: number }): Line[] {
  const parts = progress?.parts ?? [];
  if (parts.length === 0) return [line(span(`  ${untold(progress)}`, "muted"))];
  const { shown, rest } = fitParts(parts, size.height);
  const { header, lines } = drawTable({
    columns: partColumns,
    rows: shown,
    width: size.width - 1,
    from: 0,
    count: shown.length,
    selected: -1,
    selectedFill: "selection",
    gutter: () => span(" "),
  });
  return [header, ...lines, ...(rest === "" ? [] : [line(span(`  ${rest}`, "muted"))])];
}

function untold(progress: Operation["progress"]): string {
  if (progress === null) return "waiting for the first answer";
  return progress.object === ""
    ? "it tells of no layers"
    : `${screenText(progress.phase)} ${screenText(progress.object)}`;
}

/** From here on there is room for whole names. */
const wide = 108;

function rowsOf({ operations, paces, now }: WorkInput, width: number) {
  const look = { now, short: width < wide };
  return operations.map((operation) => workRow(operation, paces.get(operation.id) ?? [], look));
}

/** The same rows for the lower edge of a pane: at most `most`, the last for what had to be left out. */
export function workStrip(input: WorkInput, width: number, most: number): readonly Line[] {
  const { operations } = input;
  if (operations.length === 0 || most <= 0) return [];
  const count = operations.length <= most ? operations.length : most - 1;
  const { lines } = drawTable({
    columns: workColumns,
    rows: rowsOf(input, width),
    width,
    from: 0,
    count,
    selected: -1,
    selectedFill: "selection",
    gutter: (row) => span(row.sign, "info"),
  });
  const more = operations.length - count;
  return more === 0 ? lines : [...lines, line(span(`  ${more} more`, "muted"))];
}
