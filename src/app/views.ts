import { screenText } from "../format/screen-text.ts";
import type { Keymap } from "../keymap/keymap.ts";
import { pruneLines, searchLines } from "../panes/images/image-views.ts";
import { workLines } from "../panes/work/work-view.ts";
import type { PruneView, SearchView } from "../store/image-views.ts";
import type { Mirror } from "../store/mirror.ts";
import type { Overlay } from "../store/ui.ts";
import { span } from "../theme/tokens.ts";
import type { Size } from "./layout.ts";
import { keyNote, listPlace, type OverlayView } from "./overlay-view.ts";

/** What the views over the panes are drawn from. `now`: milliseconds since the epoch. */
export type ViewInput = {
  readonly size: Size;
  readonly keymap: Keymap;
  readonly mirror: Mirror;
  readonly now: number;
};

export function workView(overlay: Extract<Overlay, { kind: "work" }>, input: ViewInput): OverlayView {
  const place = listPlace(input.size);
  const { mirror, now, keymap } = input;
  const count = mirror.operations.length;
  return {
    ...place,
    title: [span("Work", "title"), span(count === 0 ? "" : ` ${count}`, "muted")],
    note: keyNote(keymap, count === 0 ? [] : [["work.cancel", "cancel"]]),
    lines: workLines(
      { operations: mirror.operations, paces: mirror.paces, now, selection: overlay.selection },
      roomIn(place),
    ),
  };
}

export function searchView(view: SearchView, { size }: ViewInput): OverlayView {
  const place = listPlace(size);
  const count = view.results?.length ?? 0;
  return {
    ...place,
    title: [
      span("Search ", "title"),
      span(screenText(view.term), "accent"),
      span(count === 0 ? "" : ` ${count}`, "muted"),
    ],
    note: [
      span(count === 0 ? "" : "Enter", "key"),
      span(count === 0 ? "" : " choose  ", "faint"),
      span("Esc close", "faint"),
    ],
    lines: searchLines(view, roomIn(place)),
  };
}

export function pruneView(view: PruneView, { size, keymap, now }: ViewInput): OverlayView {
  const place = listPlace(size);
  return {
    ...place,
    title: [span("Prune", "title")],
    note: keyNote(keymap, [
      ["prune.all", view.all ? "dangling only" : "all unused"],
      ["prune.run", "delete"],
    ]),
    lines: pruneLines(view, roomIn(place), now),
  };
}

function roomIn({ columns, rows }: { readonly columns: number; readonly rows: number }) {
  return { width: columns - 2, height: rows - 2 };
}

/** Rows that a list over the panes has. */
export function viewHeight(size: Size): number {
  return roomIn(listPlace(size)).height;
}
