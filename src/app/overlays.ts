import { fitSpans, spread, wrapLine } from "../components/spans.ts";
import { commandGroups } from "../keymap/command.ts";
import type { Keymap } from "../keymap/keymap.ts";
import { formatKey } from "../keymap/keys.ts";
import { isBrowserScreen, type Place } from "../keymap/panes.ts";
import type { Overlay } from "../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { emptyLine, type Line, line, span } from "../theme/tokens.ts";
import { formView } from "./form-view.ts";
import type { Size } from "./layout.ts";
import { centred, keyNote, type OverlayView } from "./overlay-view.ts";
import { paletteEntries, searchPalette } from "./palette.ts";
import { inputSpans } from "./prompt-line.ts";
import {
  buildsView,
  connectionsView,
  eventsView,
  pruneView,
  searchView,
  type ViewInput,
  wholePlace,
  workView,
} from "./views.ts";

type Surroundings = ViewInput & { readonly place: Place };

export function overlayView(overlay: Overlay, around: Surroundings): OverlayView {
  switch (overlay.kind) {
    case "help":
      return helpView(overlay.scroll, around);
    case "palette":
      return paletteView(overlay, around);
    case "details":
      return detailsView(overlay, around);
    case "form":
      return formView(overlay.form, around.mirror, around.size);
    case "work":
      return workView(overlay, around);
    case "search":
      return searchView(overlay, around);
    case "prune":
      return pruneView(overlay, around);
    case "events":
      return eventsView(overlay, around);
    case "connections":
      return connectionsView(overlay, around);
    case "builds":
      return buildsView(overlay, around);
  }
}

/** In the file browser only what can be done there, elsewhere all the rest. */
function helpView(scroll: number, { size, keymap: all, place: where }: Surroundings): OverlayView {
  const isHere = isBrowserScreen(where) ? isBrowserScreen : (place: Place) => !isBrowserScreen(place);
  const keymap = { bindings: all.bindings.filter(({ command }) => command.panes.some(isHere)) };
  const place = centred(size, 96, 36);
  const twoColumns = place.columns >= 84;
  const width = twoColumns ? Math.floor((place.columns - 6) / 2) : place.columns - 4;
  const groups = commandGroups.map((group) => groupLines(keymap, group, width)).filter((lines) => lines.length > 0);
  const lines = twoColumns ? besideEachOther(groups, width) : groups.flat();
  const height = place.rows - 2;
  const from = Math.min(scroll, Math.max(0, lines.length - height));
  return {
    ...place,
    title: [span("Help", "title")],
    note: [span(lines.length > height ? "j/k scroll  Esc close" : "Esc close", "faint")],
    lines: lines.slice(from, from + height),
  };
}

const longestKeys = 17;

function groupLines(keymap: Keymap, group: string, width: number): Line[] {
  const bindings = keymap.bindings.filter(({ command, keys }) => command.group === group && keys.length > 0);
  if (bindings.length === 0) return [];
  const texts = keymap.bindings.map(({ keys }) => keys.map(formatKey).join(" ").length + 1);
  const keyWidth = Math.min(longestKeys, Math.max(13, ...texts));
  const rows = bindings.map(({ command, keys }) => {
    const title = command.title + (command.asks ? " (asks first)" : "");
    return line(
      ...fitSpans([span(" "), ...fitSpans([span(keys.map(formatKey).join(" "), "key")], keyWidth), span(title)], width),
    );
  });
  return [line(...fitSpans([span(` ${group}`, "title")], width)), ...rows, line(span(" ".repeat(width)))];
}

/** Fills the left column first, up to half of all. */
function besideEachOther(groups: readonly (readonly Line[])[], width: number): Line[] {
  const total = groups.reduce((sum, lines) => sum + lines.length, 0);
  const left: Line[] = [];
  const right: Line[] = [];
  for (const lines of groups) {
    if (right.length === 0 && left.length + lines.length / 2 <= total / 2) left.push(...lines);
    else right.push(...lines);
  }
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) =>
    line(...(left[index]?.spans ?? [span(" ".repeat(width))]), span("  "), ...(right[index]?.spans ?? [])),
  );
}

function paletteView(
  overlay: Extract<Overlay, { kind: "palette" }>,
  { size, keymap, place: where }: Surroundings,
): OverlayView {
  const matches = searchPalette(paletteEntries(keymap, where), overlay.query.value);
  const place = { ...centred(size, 64, Math.min(18, size.rows - 4)), top: Math.max(1, Math.floor(size.rows / 6)) };
  const width = place.columns - 2;
  const count = place.rows - 4;
  const from = Math.max(0, Math.min(overlay.index - Math.floor(count / 2), matches.length - count));
  const rows = matches.slice(from, from + count).map(({ entry, positions }, offset): Line => {
    const title = [...entry.title].map((letter, index) => span(letter, positions.has(index) ? "accent" : "text"));
    const selected = from + offset === overlay.index;
    const cursor = span(selected ? `${glyphs.cursor} ` : "  ", "accent");
    const spans = spread([cursor, ...title], [span(`${entry.keys} `, "key")], width).spans;
    return selected ? { spans, fill: "selection" } : { spans };
  });
  const none = [line(span("  no command fits", "muted"))];
  return {
    ...place,
    title: [span("Commands", "title")],
    note: [span("Enter run  Esc close", "faint")],
    lines: [
      line(span(" : ", "prompt"), ...inputSpans(overlay.query, true)),
      emptyLine,
      ...(rows.length > 0 ? rows : none),
    ],
  };
}

function detailsView(overlay: Extract<Overlay, { kind: "details" }>, { size, keymap }: Surroundings): OverlayView {
  const place = wholePlace(size);
  const height = place.rows - 2;
  const lines = wrapDetails(overlay.lines, size.columns - 4);
  const from = Math.min(overlay.scroll, Math.max(0, lines.length - height));
  const last = Math.min(lines.length, from + height);
  return {
    ...place,
    title: [span(overlay.title, "title")],
    note: [
      span(`${from + 1}-${last}/${lines.length}  `, "faint"),
      ...keyNote(keymap, overlay.other === undefined ? [] : [["details.json", overlay.other.name]]),
    ],
    lines: lines.slice(from, last).map((row) => ({ spans: [span(" "), ...row.spans] })),
  };
}

const wrapped = new WeakMap<readonly Line[], { readonly width: number; readonly lines: readonly Line[] }>();

/** Ten thousand changes are not wrapped again for each frame. */
function wrapDetails(lines: readonly Line[], width: number): readonly Line[] {
  const known = wrapped.get(lines);
  if (known?.width === width) return known.lines;
  const rows = lines.flatMap((row) => wrapLine(row, width, row.indent ?? 4));
  wrapped.set(lines, { width, lines: rows });
  return rows;
}

/** The scroll place nearest to the one wanted, as far as there is something to see. */
export function clampScroll(overlay: Extract<Overlay, { kind: "details" }>, size: Size, wanted: number): number {
  const { length } = wrapDetails(overlay.lines, size.columns - 4);
  return Math.max(0, Math.min(wanted, length - (size.rows - 5)));
}
