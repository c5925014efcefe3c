import type { Mirror } from "./mirror.ts";
import { rowsOf } from "./selectors.ts";
import { listPanes, type Selection, type Ui, type UiAction } from "./ui.ts";

/**
 * Keeps each cursor on its object when the list under it changes: rows change their places when a container stops, and a key
 * pressed next must still mean the one that was looked at. Where the object went, the one at its place is taken.
 */
export function pinSelections(before: Mirror, now: Mirror, ui: Ui): readonly UiAction[] {
  return listPanes.flatMap((pane) => {
    const selection = pinned(rowsOf(before, ui, pane), rowsOf(now, ui, pane), ui.selections[pane]);
    return selection === null ? [] : [{ type: "pin", pane, selection } as const];
  });
}

type Rows = readonly { readonly id: string }[];

/** The selection as it has to be now, or null where it is right. */
function pinned(before: Rows, now: Rows, selection: Selection): Selection | null {
  const index = now.findIndex((row) => row.id === selection.id);
  if (index !== -1) return index === selection.index ? null : { id: selection.id, index };
  // What never was in the list has just been made, and is about to come.
  const isGone = selection.id === null || before.some((row) => row.id === selection.id);
  const place = Math.min(selection.index, now.length - 1);
  const row = now[place];
  if (!isGone || row === undefined) return null;
  return { id: row.id, index: place };
}
