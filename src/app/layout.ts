import { type Pane, panes } from "../keymap/panes.ts";
import { type CornerPane, cornerPanes } from "../store/ui.ts";

export type Size = { readonly columns: number; readonly rows: number };

/** How the body is divided: a pane, or parts beside or below each other. */
export type Region =
  | {
      readonly kind: "pane";
      readonly pane: Pane;
      readonly columns: number;
      readonly rows: number;
      /** All that share this place, in their order; empty where it has it for itself. */
      readonly tabs: readonly Pane[];
    }
  | { readonly kind: "split"; readonly direction: "row" | "column"; readonly parts: readonly Region[] };

/** Header, status line and footer take a row each. */
const chrome = 3;

export const smallest: Size = { columns: 60, rows: 15 };

/** What is left between header and status line. */
export function bodySize(size: Size): Size {
  return { columns: size.columns, rows: size.rows - chrome };
}

export function isTooSmall(size: Size): boolean {
  return size.columns < smallest.columns || size.rows < smallest.rows;
}

export type LayoutState = {
  readonly focus: Pane;
  readonly tab: Pane;
  readonly corner: CornerPane;
  readonly fullscreen: boolean;
};

/**
 * Divides the screen below the header. Narrow or low: the containers and one more pane behind tabs. Middle: three bands, where layers,
 * networks and volumes share a place. Wide and high: all seven in two columns.
 */
export function layoutBody(size: Size, state: LayoutState): Region {
  const body = bodySize(size);
  if (state.fullscreen) return pane(state.focus, body);
  if (size.columns < 110 || size.rows < 32) return compact(body, state);
  return size.columns >= 160 && size.rows >= 40 ? wide(body) : middle(body, state);
}

/** Panes on the screen, in reading order. */
export function panesIn(region: Region): readonly Pane[] {
  return region.kind === "pane" ? [region.pane] : region.parts.flatMap(panesIn);
}

/** The rectangle of a pane, or null when it is not shown. */
export function findRegion(region: Region, wanted: Pane): Extract<Region, { kind: "pane" }> | null {
  if (region.kind === "pane") return region.pane === wanted ? region : null;
  for (const part of region.parts) {
    const found = findRegion(part, wanted);
    if (found !== null) return found;
  }
  return null;
}

function compact(body: Size, state: LayoutState): Region {
  const second = state.tab;
  const others = panes.filter((one) => one !== "containers");
  if (body.columns >= 150) {
    const left = Math.round(body.columns * 0.55);
    return split("row", [
      pane("containers", { columns: left, rows: body.rows }),
      pane(second, { columns: body.columns - left, rows: body.rows }, others),
    ]);
  }
  const top = Math.max(5, Math.round(body.rows * 0.45));
  return split("column", [
    pane("containers", { columns: body.columns, rows: top }),
    pane(second, { columns: body.columns, rows: body.rows - top }, others),
  ]);
}

function middle(body: Size, state: LayoutState): Region {
  const top = Math.round(body.rows * 0.36);
  const centre = Math.max(7, Math.round(body.rows * 0.24));
  const bottom = body.rows - top - centre;
  const half = Math.round(body.columns * 0.5);
  const stats = Math.min(64, Math.round(body.columns * 0.45));
  return split("column", [
    pane("containers", { columns: body.columns, rows: top }),
    split("row", [
      pane("images", { columns: half, rows: centre }),
      pane(state.corner, { columns: body.columns - half, rows: centre }, cornerPanes),
    ]),
    split("row", [
      pane("logs", { columns: body.columns - stats, rows: bottom }),
      pane("stats", { columns: stats, rows: bottom }),
    ]),
  ]);
}

function wide(body: Size): Region {
  const left = Math.round(body.columns * 0.6);
  const right = body.columns - left;
  const containers = Math.round(body.rows * 0.4);
  const lists = Math.round(body.rows * 0.19);
  const half = Math.round(left / 2);
  const images = Math.round(body.rows * 0.22);
  const layers = Math.round(body.rows * 0.24);
  return split("row", [
    split("column", [
      pane("containers", { columns: left, rows: containers }),
      split("row", [
        pane("networks", { columns: half, rows: lists }),
        pane("volumes", { columns: left - half, rows: lists }),
      ]),
      pane("logs", { columns: left, rows: body.rows - containers - lists }),
    ]),
    split("column", [
      pane("images", { columns: right, rows: images }),
      pane("layers", { columns: right, rows: layers }),
      pane("stats", { columns: right, rows: body.rows - images - layers }),
    ]),
  ]);
}

function pane(name: Pane, size: Size, tabs: readonly Pane[] = []): Region {
  return { kind: "pane", pane: name, columns: size.columns, rows: size.rows, tabs };
}

function split(direction: "row" | "column", parts: readonly Region[]): Region {
  return { kind: "split", direction, parts };
}

/** The pane after or before this one, through all of them. */
export function neighbour(current: Pane, step: 1 | -1): Pane {
  const index = (panes.indexOf(current) + step + panes.length) % panes.length;
  return panes[index] ?? current;
}
