import { Box } from "ink";
import { useRef } from "react";
import { Panel } from "../../components/Panel.tsx";
import { drawTable, windowStart } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import {
  type BrowserScreenState,
  type CompareScreen,
  type FileScreen,
  isLive,
  type TreeScreen,
  type WasteScreen,
} from "../../store/browser.ts";
import { isHere } from "../../store/paged.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import type { Style } from "../../theme/paint.ts";
import { type Line, line, type Span, span } from "../../theme/tokens.ts";
import { comparedColumns, comparedHead, comparedLayerLines, comparedRows, nameSpan } from "./compare-view.ts";
import { fileRows } from "./file-view.ts";
import { choiceLine, type Layers, layerLines } from "./layer-list.ts";
import { crumbs, isFiltered, pathLine, placeNote, treeColumns, treeLook, treeRows } from "./tree-view.ts";
import { wasteColumns, wasteHead, wasteRows } from "./waste-view.ts";

type Room = { readonly columns: number; readonly rows: number; readonly style: Style };
type Props<Screen> = Room & { readonly screen: Screen };

/** From here on there is room for the layers beside the tree. */
const wideColumns = 110;

/** The uppermost screen of the file browser, over all panes. */
export function BrowserPane({ screen, ...room }: Props<BrowserScreenState>) {
  switch (screen.kind) {
    case "files":
      return <Tree screen={screen} {...room} />;
    case "file":
      return <FileViewer screen={screen} {...room} />;
    case "waste":
      return <WasteList screen={screen} {...room} />;
    case "compare":
      return <Comparison screen={screen} {...room} />;
  }
}

const gutter = (_row: unknown, isSelected: boolean) => span(isSelected ? glyphs.cursor : " ", "accent");

/**
 * The screen to draw: this one, or, until its rows are here, the last that was whole. A jump by half a million rows would otherwise
 * show an empty page for a moment.
 */
function useWhole<Screen extends TreeScreen | CompareScreen>(screen: Screen, count: number, mayWait: boolean): Screen {
  const last = useRef(screen);
  if (!mayWait || isHere<unknown>(screen.list, count)) last.current = screen;
  return last.current;
}

function Tree({ screen: wanted, columns, rows, style }: Props<TreeScreen>) {
  const start = useRef(0);
  const count = Math.max(1, rows - 5);
  const screen = useWhole(wanted.shown ?? wanted, count, !wanted.isSlow);
  const hasLayers = screen.browsed.type !== "volume";
  const left = hasLayers && columns >= wideColumns ? Math.min(56, Math.round(columns * 0.3)) : 0;
  const width = columns - left - 2;
  const { list, live } = screen;
  start.current = windowStart(list.total ?? 0, count, list.cursor, start.current);
  const isShownLive = isLive(screen);
  const { header, lines } = drawTable({
    columns: treeColumns(treeLook(screen, isShownLive && live !== null)),
    rows: treeRows(screen, start.current, count),
    width: width - 1,
    from: 0,
    count,
    selected: list.cursor - start.current,
    selectedFill: "selection",
    gutter,
  });
  const body = [
    pathLine(screen, width),
    choiceLine(screen, { width, isAlone: left === 0 }),
    ...(list.total !== null && list.total > 0 ? [header, ...lines] : [emptyText(screen)]),
  ];
  const title = [span("Files of ", "title"), nameSpan(screen.browsed)];
  const note = wanted.isSlow ? [span("reading", "info")] : placeNote(list, start.current, count);
  return (
    <Box>
      {left > 0 && <LayerList screen={screen} columns={left} rows={rows} style={style} />}
      <Panel {...{ title, note, rows, style }} lines={body} columns={columns - left} focused />
    </Box>
  );
}

function LayerList({ screen, columns, rows, style }: Props<Layers>) {
  const title = [span("Layers", "title"), span(` ${screen.layers.length}`, "muted")];
  const lines = layerLines(screen, { width: columns - 3, rows: rows - 2 });
  return <Panel {...{ title, lines, columns, rows, style }} focused={false} />;
}

function emptyText(screen: TreeScreen): Line {
  const { list, filter, choice } = screen;
  if (list.error !== "") return line(span(` ${list.error}`, "error"));
  if (list.total === null) return line(span(" reading", "muted"));
  if (isFiltered(filter)) return line(span(" nothing here matches; Esc shows all", "muted"));
  const isOwn = screen.layers[choice.layer]?.kind === "writable" && choice.view === "layer";
  if (isOwn && screen.path === "/") return line(span(" nothing was written yet", "muted"));
  return line(span(choice.view === "layer" ? " the layer brought nothing" : " the directory is empty", "muted"));
}

function FileViewer({ screen, columns, rows, style }: Props<FileScreen>) {
  const { lines, share } = fileRows(screen, { width: columns - 3, rows: rows - 2 });
  const title: Span[] = [nameSpan(screen), span("  "), ...crumbs(screen.path, Math.max(20, columns - 50))];
  const note = [
    ...(screen.left === 0 ? [] : [span(`column ${screen.left + 1}  `, "info")]),
    ...(screen.mode === null ? [] : [span(screen.mode, "muted")]),
    ...(screen.size === null ? [] : [span(`  ${formatBytes(screen.size)}`, "muted")]),
    span(`  ${Math.floor(share * 100)}%`, "faint"),
  ];
  return <Panel {...{ title, note, lines, columns, rows, style }} focused />;
}

function WasteList({ screen, columns, rows, style }: Props<WasteScreen>) {
  const start = useRef(0);
  const left = columns >= wideColumns ? Math.min(56, Math.round(columns * 0.3)) : 0;
  const width = columns - left - 2;
  const { result } = screen;
  const found = result === null ? [] : wasteRows(result);
  const count = Math.max(1, rows - 7);
  start.current = windowStart(found.length, count, screen.cursor, start.current);
  const { header, lines } = drawTable({
    columns: wasteColumns(Math.max(0, ...found.map(({ bytes }) => bytes))),
    rows: found,
    width: width - 1,
    from: start.current,
    count,
    selected: screen.cursor,
    selectedFill: "selection",
    gutter,
  });
  const head = [choiceLine(screen, { width, isAlone: left === 0 })];
  const none = [line(span(" no file lies in a layer without being seen", "muted"))];
  const body =
    result === null
      ? [...head, wasteText(screen)]
      : [...head, ...wasteHead(result, width), ...(found.length === 0 ? none : [header, ...lines])];
  const title = [span("Wasted in ", "title"), nameSpan(screen.browsed)];
  const note = placeNote({ total: found.length }, start.current, count);
  return (
    <Box>
      {left > 0 && <LayerList screen={screen} columns={left} rows={rows} style={style} />}
      <Panel {...{ title, note, rows, style }} lines={body} columns={columns - left} focused />
    </Box>
  );
}

function wasteText({ error }: WasteScreen): Line {
  return error === "" ? line(span(" looking", "muted")) : line(span(` ${error}`, "error"));
}

function Comparison({ screen: wanted, columns, rows, style }: Props<CompareScreen>) {
  const start = useRef(0);
  const screen = useWhole(wanted, rows, wanted.list.total !== null);
  const left = columns >= wideColumns ? Math.min(60, Math.round(columns * 0.34)) : 0;
  const width = columns - left - 2;
  const { list } = screen;
  const head = comparedHead(screen);
  const count = Math.max(1, rows - 3 - head.length);
  start.current = windowStart(list.total ?? 0, count, list.cursor, start.current);
  const { header, lines } = drawTable({
    columns: comparedColumns,
    rows: comparedRows(screen, start.current, count),
    width: width - 1,
    from: 0,
    count,
    selected: list.cursor - start.current,
    selectedFill: "selection",
    gutter,
  });
  const body = [...head, ...(list.total !== null && list.total > 0 ? [header, ...lines] : [comparedText(screen)])];
  const title = [nameSpan(screen.left), span(` ${glyphs.arrow} `, "title"), nameSpan(screen.right)];
  const filter = screen.contains === "" ? [] : [span(`/${screenText(screen.contains)}  `, "prompt")];
  const note = [...filter, ...placeNote(list, start.current, count)];
  return (
    <Box>
      {left > 0 && (
        <Panel
          title={[span("Layers", "title")]}
          lines={comparedLayerLines(screen)}
          columns={left}
          rows={rows}
          focused={false}
          style={style}
        />
      )}
      <Panel {...{ title, note, rows, style }} lines={body} columns={columns - left} focused />
    </Box>
  );
}

function comparedText({ list, contains }: CompareScreen): Line {
  if (list.error !== "") return line(span(` ${list.error}`, "error"));
  if (list.total === null) return line(span(" reading", "muted"));
  return line(span(contains === "" ? " no file differs" : " no differing file matches; Esc shows all", "muted"));
}
