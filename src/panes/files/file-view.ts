import stringWidth from "../../components/string-width.ts";
import { cell, takeColumns } from "../../format/cell.ts";
import { screenText } from "../../format/screen-text.ts";
import type { FileScreen } from "../../store/browser.ts";
import { longestLine, moveRows, nextRow, previousRow, type Stretch, stretchAt } from "../../store/file-bytes.ts";
import { type Line, line, span } from "../../theme/tokens.ts";

type Room = { readonly width: number; readonly rows: number };

/** What of a file is seen: rows, and how far into it they end, 0 to 1. */
export type FileRows = { readonly lines: readonly Line[]; readonly share: number };

export function fileRows(screen: FileScreen, room: Room): FileRows {
  const { size } = screen;
  if (screen.error !== "") return { lines: [line(span(` ${screen.error}`, "error"))], share: 0 };
  if (size === null) return { lines: [line(span(" reading", "muted"))], share: 0 };
  if (size === 0) return { lines: [line(span(" the file is empty", "muted"))], share: 1 };
  return screen.mode === "hex" ? hexRows(screen, room) : textRows(screen, room);
}

/** Offset of the first row that is shown; null while it cannot be told. */
export function topOf(screen: FileScreen, room: Room): number | null {
  const { top, size } = screen;
  if (size === null) return null;
  return top === "end" ? lowestTop(screen, room) : Math.min(top, size);
}

/** Where the last screen of a file begins. */
function lowestTop(screen: FileScreen, room: Room): number | null {
  const size = screen.size ?? 0;
  if (screen.mode === "hex") {
    const wide = bytesPerRow(room.width);
    return Math.max(0, Math.ceil(size / wide) - room.rows) * wide;
  }
  const stretch = stretchAt(screen.chunks, size);
  return stretch === null ? null : moveRows(stretch, size, { steps: -room.rows, size });
}

/** The first row after a move; `steps` rows down or, negative, up. The last screen stays full. */
export function movedTop(screen: FileScreen, room: Room, steps: number): FileScreen["top"] {
  const { size } = screen;
  const from = topOf(screen, room);
  if (size === null || from === null) return screen.top;
  if (screen.mode === "hex") {
    const wide = bytesPerRow(room.width);
    const wanted = Math.max(0, Math.floor(from / wide) + steps) * wide;
    return Math.min(wanted, lowestTop(screen, room) ?? wanted);
  }
  const stretch = stretchAt(screen.chunks, from);
  if (stretch === null) return screen.top;
  if (steps < 0) return moveRows(stretch, from, { steps, size });
  return downFrom(stretch, from, { steps, size, rows: room.rows });
}

/** A step at a time, as long as something stands below the last row. */
function downFrom(
  stretch: Stretch,
  from: number,
  { steps, size, rows }: { readonly steps: number; readonly size: number; readonly rows: number },
): number {
  let top = from;
  let bottom = moveRows(stretch, from, { steps: rows - 1, size });
  for (let left = steps; left > 0; left -= 1) {
    const below = nextRow(stretch, bottom, size);
    const next = nextRow(stretch, top, size);
    if (below === null || next === null) break;
    bottom = below;
    top = next;
  }
  return top;
}

function textRows(screen: FileScreen, room: Room): FileRows {
  const size = screen.size ?? 0;
  const top = topOf(screen, room);
  const stretch = top === null ? null : stretchAt(screen.chunks, top);
  if (top === null || stretch === null) return { lines: [line(span(" reading", "muted"))], share: 0 };
  const lines: Line[] = [];
  let at: number | null = top;
  let end = top;
  for (; at !== null && lines.length < room.rows; ) {
    const next: number | null = nextRow(stretch, at, size);
    end = next ?? Math.min(size, stretch.start + stretch.bytes.length);
    const row = stretch.bytes.subarray(
      at - stretch.start,
      Math.min(end - stretch.start, at - stretch.start + longestLine),
    );
    const isBroken =
      at > stretch.start && previousRow(stretch, at) !== null && stretch.bytes[at - stretch.start - 1] !== 0x0a;
    lines.push(textLine(row.toString("utf8"), { left: screen.left, width: room.width, isBroken }));
    at = next;
  }
  return { lines, share: end / size };
}

/** `isBroken`: it goes on with the line above. */
function textLine(
  text: string,
  look: { readonly left: number; readonly width: number; readonly isBroken: boolean },
): Line {
  const safe = screenText(text.replace(/\n$/, ""));
  const shown = look.left === 0 ? safe : safe.slice(takeColumns(safe, look.left).length);
  const width = look.width - 1;
  const isCut = stringWidth(shown.slice(0, width * 4)) > width;
  return line(span(look.isBroken ? "…" : " ", "faint"), span(isCut ? cell(shown, width) : shown));
}

/** As many as make readable groups. */
function bytesPerRow(width: number): number {
  return width >= 77 ? 16 : 8;
}

function hexRows(screen: FileScreen, room: Room): FileRows {
  const size = screen.size ?? 0;
  const wide = bytesPerRow(room.width);
  const top = Math.floor((topOf(screen, room) ?? 0) / wide) * wide;
  const stretch = stretchAt(screen.chunks, top);
  if (stretch === null) return { lines: [line(span(" reading", "muted"))], share: 0 };
  const lines: Line[] = [];
  const end = Math.min(size, stretch.start + stretch.bytes.length);
  let at = top;
  for (; at < end && lines.length < room.rows; at += wide) {
    lines.push(hexLine(at, stretch.bytes.subarray(at - stretch.start, at - stretch.start + wide), wide));
  }
  return { lines, share: Math.min(1, at / size) };
}

function hexLine(offset: number, bytes: Buffer, wide: number): Line {
  const groups = Array.from({ length: wide / 8 }, (_, group) => {
    const part = [...bytes.subarray(group * 8, group * 8 + 8)].map((byte) => byte.toString(16).padStart(2, "0"));
    return part.join(" ").padEnd(23);
  });
  const letters = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."));
  return line(
    span(` ${offset.toString(16).padStart(8, "0")}`, "faint"),
    span(`  ${groups.join("  ")}`),
    span(`  ${letters.join("")}`, "muted"),
  );
}
