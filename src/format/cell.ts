import stringWidth from "../components/string-width.ts";

const segmenter = new Intl.Segmenter();
const asciiOnly = /^[\x20-\x7e]*$/;

/** Text in exactly `width` columns: padded, or cut at a grapheme with an ellipsis. The text holds no control characters. */
export function cell(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = truncate(text, width);
  const blanks = " ".repeat(Math.max(0, width - stringWidth(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}

/** Text in at most `width` columns, cut at a grapheme with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (width <= 0) return "";
  // A megabyte of text is not measured to find that it is too long: few graphemes have this many units a column.
  const head = text.length > longest(width) ? text.slice(0, longest(width)) : text;
  if (head === text && stringWidth(text) <= width) return text;
  if (asciiOnly.test(head)) return `${head.slice(0, width - 1)}…`;
  return `${takeColumns(head, width - 1)}…`;
}

/** As many whole graphemes from the start as fit in `width` columns. */
export function takeColumns(text: string, width: number): string {
  let end = 0;
  let used = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

function longest(width: number): number {
  return width * 16 + 64;
}
