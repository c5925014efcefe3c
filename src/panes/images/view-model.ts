import type { ImageSummary } from "../../../engine/protocol/images.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { span } from "../../theme/tokens.ts";
import { age } from "../age.ts";

export type ImageRow = {
  readonly id: string;
  readonly name: string;
  /** How many further names it has. */
  readonly otherNames: number;
  readonly named: boolean;
  readonly size: number;
  readonly shared: number;
  readonly layers: number;
  readonly age: string;
  readonly users: number;
};

/** Columns that the others take where all are shown. */
const otherColumns = 36;

/**
 * `registry.example.com/team/web:1` to `…/team/web:1` where there is no room in a list of this width: what tells images apart
 * stands at the end.
 */
export function shortName(name: string, width: number): string {
  return name.length <= width - otherColumns ? name : name.replace(/^[^/]+[.:][^/]*\//, `${glyphs.ellipsis}/`);
}

/** `width`: of the list, in columns. */
export function imageRow(image: ImageSummary, now: number, width = Number.POSITIVE_INFINITY): ImageRow {
  const [first] = image.references;
  return {
    id: image.id,
    name: first === undefined ? shortID(image.id) : shortName(screenText(first), width),
    otherNames: Math.max(0, image.references.length - 1),
    named: first !== undefined,
    size: image.size,
    shared: image.sharedSize,
    layers: image.layerCount,
    age: age(image.createdAt, now),
    users: image.containers.length,
  };
}

export const imageColumns: readonly Column<ImageRow>[] = [
  {
    title: "NAME",
    minimum: 16,
    maximum: 60,
    priority: 0,
    spans: (row) => [
      ...(row.named ? [span(row.name, "strong")] : [span("<none>", "muted"), span(` ${row.name}`, "faint")]),
      ...(row.otherNames === 0 ? [] : [span(` +${row.otherNames}`, "faint")]),
    ],
  },
  { title: "SIZE", minimum: 8, maximum: 8, priority: 1, align: "right", spans: (row) => [span(formatBytes(row.size))] },
  {
    title: "SHARED",
    optional: true,
    minimum: 8,
    maximum: 8,
    priority: 4,
    align: "right",
    spans: (row) => [span(row.shared === 0 ? "" : formatBytes(row.shared), "muted")],
  },
  {
    title: "LAYERS",
    minimum: 6,
    maximum: 6,
    priority: 5,
    align: "right",
    spans: (row) => [span(String(row.layers), "muted")],
  },
  { title: "AGE", minimum: 4, maximum: 4, priority: 3, align: "right", spans: (row) => [span(row.age, "muted")] },
  {
    title: "IN USE",
    minimum: 6,
    maximum: 6,
    priority: 2,
    align: "right",
    spans: (row) => [row.users === 0 ? span("-", "faint") : span(String(row.users), "ok")],
  },
];
