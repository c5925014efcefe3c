/**
 * Every role a text on the screen can have. A theme gives each of them a look; nothing else in the dashboard knows a colour.
 * `text` is the terminal's own foreground.
 */
export const tones = [
  "text",
  "strong",
  "muted",
  "faint",
  "title",
  "accent",
  "ok",
  "warn",
  "error",
  "info",
  "border",
  "borderFocus",
  "brand",
  "header",
  "key",
  "prompt",
  "selection",
  "selectionIdle",
  "marked",
  "match",
  "bar",
  "barHigh",
  "barFull",
  "track",
  "axis",
  "series1",
  "series2",
  "jsonKey",
  "jsonString",
  "jsonNumber",
  "source1",
  "source2",
  "source3",
  "source4",
  "source5",
  "source6",
] as const;

export type Tone = (typeof tones)[number];

/** Tells apart the containers of a merged log. */
export const sourceTones = ["source1", "source2", "source3", "source4", "source5", "source6"] as const;

/**
 * A run of text in one role. Text is safe already (no control characters) and its width is what it takes on the screen.
 * `fill` lies under it and has the last word about colours, for the row that the cursor is on.
 */
export type Span = { readonly text: string; readonly tone: Tone; readonly fill?: Tone };

/** One row of the screen; `fill` counts for all its spans. `indent`: where it goes on when it is wrapped, in columns. */
export type Line = { readonly spans: readonly Span[]; readonly fill?: Tone; readonly indent?: number };

export function span(text: string, tone: Tone = "text"): Span {
  return { text, tone };
}

export function line(...spans: readonly Span[]): Line {
  return { spans };
}

export const emptyLine: Line = { spans: [] };
