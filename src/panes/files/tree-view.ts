import type { FileEntry } from "../../../engine/protocol/files.ts";
import { fitSpans, lastColumns, miniBar, widthOf } from "../../components/spans.ts";
import stringWidth from "../../components/string-width.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { formatMode } from "../../format/file-mode.ts";
import { screenText } from "../../format/screen-text.ts";
import type { FileFilter, TreeScreen } from "../../store/browser.ts";
import { itemAt, type Paged } from "../../store/paged.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span, type Tone } from "../../theme/tokens.ts";
import { rateText } from "./rate.ts";

/** A row of the tree; nothing but its place is known of what has not come yet. */
export type TreeRow = {
  readonly id: string;
  readonly entry: FileEntry | null;
  readonly name: string;
  /** Bytes a second, or null where nothing is live. */
  readonly growth: number | null;
};

export function treeRows(screen: TreeScreen, from: number, count: number): TreeRow[] {
  const { list, growth } = screen;
  const shown = Math.max(0, Math.min(count, (list.total ?? 0) - from));
  return Array.from({ length: shown }, (_, offset) => {
    const entry = itemAt(list, from + offset);
    if (entry === null) return { id: `row ${from + offset}`, entry, name: glyphs.ellipsis, growth: null };
    const rate = growth === null ? null : (growth.get(entry.path) ?? 0);
    return { id: entry.path, entry, name: screenText(nameIn(screen, entry)), growth: rate };
  });
}

/** What is found below a directory is named from there; what lies in it by its name. */
function nameIn({ path, filter }: Pick<TreeScreen, "path" | "filter">, entry: FileEntry): string {
  const above = path === "/" ? "/" : `${path}/`;
  if (isFiltered(filter) && entry.path.startsWith(above)) return entry.path.slice(above.length);
  return entry.path.slice(entry.path.lastIndexOf("/") + 1);
}

export function isFiltered({ contains, minimumSize, changed }: FileFilter): boolean {
  return contains !== "" || minimumSize > 0 || changed;
}

export const changeSigns: Readonly<Record<FileEntry["change"], { readonly sign: string; readonly tone: Tone }>> = {
  added: { sign: "+", tone: "ok" },
  modified: { sign: "~", tone: "warn" },
  removed: { sign: "-", tone: "error" },
  unchanged: { sign: " ", tone: "text" },
};

export type TreeLook = {
  /** Size that fills a bar. */
  readonly largest: number;
  /** Names are toned by what happened to them, where not everything is new anyway. */
  readonly tonesNames: boolean;
  /** Columns of the widest owner. */
  readonly ownerWidth: number;
  readonly isLive: boolean;
  /** Names are paths: what a search has found. */
  readonly isFlat: boolean;
  /** Nothing is below it that it could differ from. */
  readonly isPlain: boolean;
};

export function treeLook(screen: TreeScreen, isLive: boolean): TreeLook {
  let largest = 0;
  let ownerWidth = 5;
  for (const entries of screen.list.pages.values()) {
    for (const entry of entries) {
      largest = Math.max(largest, entry.size);
      ownerWidth = Math.max(ownerWidth, ownerOf(entry).length);
    }
  }
  const tonesNames = screen.choice.view === "upTo" && screen.choice.layer > 0;
  return {
    largest,
    ownerWidth: Math.min(13, ownerWidth),
    tonesNames,
    isLive,
    isFlat: isFiltered(screen.filter),
    isPlain: screen.browsed.type === "volume",
  };
}

export function treeColumns({
  largest,
  ownerWidth,
  tonesNames,
  isLive,
  isFlat,
  isPlain,
}: TreeLook): readonly Column<TreeRow>[] {
  const fixed = (title: string, width: number) => ({ title, minimum: width, maximum: width });
  const growth: Column<TreeRow> = {
    ...fixed("GROWTH", 9),
    priority: 2,
    align: "right",
    spans: ({ growth: rate }) => (rate === null || rate === 0 ? [] : [span(rateText(rate), "info")]),
  };
  return [
    { ...fixed("", 1), priority: 0, spans: ({ entry }) => (entry === null || isPlain ? [] : [markOf(entry)]) },
    {
      ...fixed("MODE", 10),
      priority: 4,
      spans: ({ entry }) => (entry === null ? [] : [span(formatMode(entry.type, entry.mode), "muted")]),
    },
    {
      ...fixed("OWNER", ownerWidth),
      priority: 5,
      spans: ({ entry }) => (entry === null ? [] : [span(ownerOf(entry), "muted")]),
    },
    {
      ...fixed("SIZE", 8),
      priority: 1,
      align: "right",
      spans: ({ entry }) => (entry === null || !hasSize(entry) ? [] : [span(formatBytes(entry.size), sizeTone(entry))]),
    },
    {
      ...fixed("", 8),
      priority: 3,
      spans: ({ entry }) =>
        entry === null || entry.size === 0 || largest === 0 ? [] : miniBar(entry.size / largest, 8).map(calm),
    },
    ...(isLive ? [growth] : []),
    {
      title: "NAME",
      minimum: 26,
      maximum: 400,
      priority: 0,
      cutsStart: isFlat,
      spans: (row) => nameSpans(row, tonesNames),
    },
  ];
}

function markOf({ change }: FileEntry): Span {
  const { sign, tone } = changeSigns[change];
  return span(sign, tone);
}

function ownerOf({ uid, gid }: FileEntry): string {
  return `${uid}:${gid}`;
}

function hasSize({ type, size }: FileEntry): boolean {
  return type === "file" || type === "directory" || size > 0;
}

function sizeTone({ size, change }: FileEntry): Tone {
  return size === 0 || change === "removed" ? "faint" : "text";
}

/** A big file is no alarm, unlike a full memory. */
export function calm(part: Span): Span {
  return span(part.text, part.tone === "track" ? "track" : "bar");
}

function nameSpans({ entry, name }: TreeRow, tonesNames: boolean): Span[] {
  if (entry === null) return [span(name, "faint")];
  const { change, type, linkTarget } = entry;
  const isToned = tonesNames && change !== "unchanged";
  const tone = isToned ? changeSigns[change].tone : type === "directory" ? "strong" : "text";
  if (type === "directory") return [span(`${name}/`, tone)];
  if (type === "symlink") return [span(name, tone), span(` ${glyphs.arrow} ${screenText(linkTarget)}`, "muted")];
  if (type === "hardlink") return [span(name, tone), span(` = ${screenText(linkTarget)}`, "muted")];
  return [span(name, tone), ...(type === "file" ? [] : [span(` (${type})`, "muted")])];
}

/** A path with its last name standing out; the first names give way where there is no room. */
export function crumbs(path: string, width: number): Span[] {
  const safe = screenText(path);
  const cut = safe.lastIndexOf("/") + 1;
  const last = safe.slice(cut);
  const above = safe.slice(0, cut);
  if (last === "") return [span("/", "strong")];
  const room = width - stringWidth(last);
  if (stringWidth(above) <= room) return [span(above, "muted"), span(last, "strong")];
  if (room < 3) return fitSpans([span(last, "strong")], width);
  return [span(glyphs.ellipsis + lastColumns(above, room - 1), "muted"), span(last, "strong")];
}

/** The path, and at the right what of it is shown and in which order. */
export function pathLine(screen: TreeScreen, width: number): Line {
  const { contains, minimumSize, changed } = screen.filter;
  const notes: Span[] = [
    ...(contains === "" ? [] : [span(`  /${screenText(contains)}`, "prompt")]),
    ...(minimumSize === 0 ? [] : [span(`  from ${formatBytes(minimumSize)}`, "prompt")]),
    ...(changed ? [span("  only changed", "prompt")] : []),
    span(screen.order === "size" ? "  biggest first " : "  by name ", "faint"),
  ];
  const room = width - widthOf(notes) - 1;
  return { spans: [span(" "), ...fitSpans(crumbs(screen.path, room), room), ...notes] };
}

/** First row and last row of a window, of all. */
export function placeNote({ total }: Pick<Paged<unknown>, "total">, from: number, count: number): Span[] {
  if (total === null || total <= count) return total === null || total === 0 ? [] : [span(String(total), "faint")];
  return [span(`${from + 1}-${Math.min(total, from + count)}/${total}`, "faint")];
}
