import { type Span, span } from "../theme/tokens.ts";

export type ListCounts = {
  readonly shown: number;
  readonly all: number;
  readonly marked: number;
  readonly filter: string;
  /** The window, where not all rows are seen. */
  readonly more: { readonly from: number; readonly count: number } | null;
};

/** What stands at the right of a list's upper edge: filter, marks, and which rows are seen. */
export function listNote(counts: ListCounts): readonly Span[] {
  const { shown, all, marked, filter, more } = counts;
  const spans: Span[] = [];
  if (marked > 0) spans.push(span(`${marked} marked`, "marked"));
  if (filter !== "")
    spans.push(span(`${spans.length > 0 ? "  " : ""}/${filter}`, "prompt"), span(` ${shown} of ${all}`, "muted"));
  if (more !== null) {
    const last = Math.min(shown, more.from + more.count);
    spans.push(span(`${spans.length > 0 ? "  " : ""}${more.from + 1}-${last}/${shown}`, "faint"));
  }
  return spans;
}
