import type { LayersResult } from "../../../engine/protocol/images.ts";
import { screenText } from "../../format/screen-text.ts";

/** A row of the layers pane, uppermost layer first. */
export type LayerRow = {
  /** Its place in the stack and its digest: the same layer may stand in one image twice. */
  readonly id: string;
  readonly kind: "writable" | "layer";
  /** 1 is the lowest. */
  readonly order: number;
  /** Empty for the writable layer. */
  readonly diffID: string;
  readonly size: number;
  readonly command: string;
  readonly comment: string;
  readonly createdAt: string;
  readonly sharedBy: readonly string[];
};

export function layerRows(result: LayersResult): readonly LayerRow[] {
  const rows: LayerRow[] = result.layers.map((layer, index) => ({
    id: `${index} ${layer.diffID}`,
    kind: "layer",
    order: index + 1,
    diffID: layer.diffID,
    size: layer.size,
    command: commandText(layer.createdBy, layer.comment),
    comment: screenText(layer.comment),
    createdAt: layer.createdAt,
    sharedBy: layer.sharedBy.map(screenText),
  }));
  rows.reverse();
  return result.writable === null ? rows : [writableRow(result.writable, rows.length + 1), ...rows];
}

function writableRow(writable: NonNullable<LayersResult["writable"]>, order: number): LayerRow {
  const more = writable.truncated ? "+" : "";
  const counts = `${writable.added}${more} added, ${writable.changed}${more} changed, ${writable.deleted}${more} deleted`;
  return {
    id: "writable",
    kind: "writable",
    order,
    diffID: "",
    size: writable.size,
    command: counts,
    comment: "",
    createdAt: "",
    sharedBy: [],
  };
}

/** The Dockerfile line that made it: builders wrap it in a shell call and mark what is no command. */
export function commandText(createdBy: string, comment: string): string {
  const text = screenText(createdBy).replace(/\s+/g, " ").trim();
  const nop = /^(?:\/bin\/sh -c )?#\(nop\)\s*(.*)$/.exec(text)?.[1];
  if (nop !== undefined) return nop;
  const run = /^(?:RUN )?\/bin\/sh -c (.*?)(?: # buildkit)?$/.exec(text)?.[1];
  if (run !== undefined) return `RUN ${run}`;
  return text.replace(/ # buildkit$/, "") || screenText(comment) || "imported";
}
