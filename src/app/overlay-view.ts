import type { CommandID } from "../keymap/commands.ts";
import { firstKeyOf, type Keymap } from "../keymap/keymap.ts";
import { type Line, type Span, span } from "../theme/tokens.ts";
import type { Size } from "./layout.ts";

/** What lies over the panes: its place, its frame's texts, and its rows. */
export type OverlayView = {
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
  readonly title: readonly Span[];
  readonly note: readonly Span[];
  readonly lines: readonly Line[];
};

export type OverlayPlace = Pick<OverlayView, "left" | "top" | "columns" | "rows">;

export function centred(size: Size, columns: number, rows: number): OverlayPlace {
  const wide = Math.min(columns, size.columns - 2);
  const high = Math.min(rows, size.rows - 2);
  return {
    columns: wide,
    rows: high,
    left: Math.floor((size.columns - wide) / 2),
    top: Math.max(1, Math.floor((size.rows - high) / 2)),
  };
}

/** A list over the panes has its place whatever is in it, so that nothing jumps; what is typed and told below stays in sight. */
export function listPlace(size: Size): OverlayPlace {
  return { ...centred(size, 110, Math.min(30, size.rows - 4)) };
}

/** Keys for the upper edge, those that may be used; Esc closes all. */
export function keyNote(keymap: Keymap, keys: readonly (readonly [CommandID, string])[]): Span[] {
  const parts = keys.flatMap(([id, word]) => {
    const key = firstKeyOf(keymap, id);
    return key === null ? [] : [span(key, "key"), span(` ${word}  `, "faint")];
  });
  return [...parts, span("Esc close", "faint")];
}
