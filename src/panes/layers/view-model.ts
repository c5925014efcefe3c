import { miniBar } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import type { LayerRow } from "./rows.ts";

/** Columns of the layers pane; `largest` is the size that fills a bar. */
export function layerColumns(largest: number): readonly Column<LayerRow>[] {
  return [
    {
      title: "#",
      minimum: 2,
      maximum: 3,
      priority: 3,
      align: "right",
      spans: (row) => [
        span(row.kind === "writable" ? "rw" : String(row.order), row.kind === "writable" ? "warn" : "muted"),
      ],
    },
    {
      title: "SIZE",
      minimum: 8,
      maximum: 8,
      priority: 1,
      align: "right",
      spans: (row) => [span(formatBytes(row.size))],
    },
    {
      title: "",
      minimum: 8,
      maximum: 8,
      priority: 4,
      spans: (row) => (row.size === 0 ? [] : miniBar(largest === 0 ? 0 : row.size / largest, 8).map(calm)),
    },
    {
      title: "MADE BY",
      minimum: 26,
      maximum: 400,
      priority: 0,
      spans: (row) => [span(row.command, row.kind === "writable" ? "strong" : "text")],
    },
    {
      title: "SHARED BY",
      optional: true,
      minimum: 9,
      maximum: 36,
      priority: 2,
      spans: (row) => (row.sharedBy.length === 0 ? [] : [span(sharedText(row.sharedBy), "info")]),
    },
  ];
}

/** A big layer is no alarm, unlike a full memory. */
function calm(part: { readonly text: string; readonly tone: string }) {
  return span(part.text, part.tone === "track" ? "track" : "bar");
}

function sharedText(names: readonly string[]): string {
  const [first = "", ...more] = names;
  return more.length === 0 ? first : `${first} +${more.length}`;
}

/** What Enter shows of a layer. */
export function layerDetails(row: LayerRow): Line[] {
  const fields: [string, string][] = [
    ["Digest", row.diffID],
    ["Size", formatBytes(row.size)],
    ["Created", row.createdAt],
    ["Comment", row.comment],
    ["Made by", row.command],
    ["Shared by", row.sharedBy.join(", ") || "no other image"],
  ];
  return fields
    .filter(([, text]) => text !== "")
    .map(([name, text]) => line(span(name.padEnd(12), "jsonKey"), span(text)));
}
