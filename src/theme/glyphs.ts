/** The few signs the dashboard draws with, in a form for every terminal and a plain one. */
export type Glyphs = {
  readonly topLeft: string;
  readonly topRight: string;
  readonly bottomLeft: string;
  readonly bottomRight: string;
  readonly horizontal: string;
  readonly vertical: string;
  readonly dot: string;
  readonly ring: string;
  readonly mark: string;
  readonly cursor: string;
  readonly caret: string;
  readonly ellipsis: string;
  readonly arrow: string;
  readonly up: string;
  readonly down: string;
  readonly separator: string;
  readonly track: string;
  /** Cells of a bar by eighths, the last is a whole one. */
  readonly bar: readonly string[];
};

export const unicodeGlyphs: Glyphs = {
  topLeft: "╭",
  topRight: "╮",
  bottomLeft: "╰",
  bottomRight: "╯",
  horizontal: "─",
  vertical: "│",
  dot: "●",
  ring: "○",
  mark: "✓",
  cursor: "┃",
  caret: "▏",
  ellipsis: "…",
  arrow: "→",
  up: "↑",
  down: "↓",
  separator: "·",
  track: "╌",
  bar: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
};

export const asciiGlyphs: Glyphs = {
  topLeft: "+",
  topRight: "+",
  bottomLeft: "+",
  bottomRight: "+",
  horizontal: "-",
  vertical: "|",
  dot: "*",
  ring: "o",
  mark: "+",
  cursor: ">",
  caret: "_",
  ellipsis: "~",
  arrow: ">",
  up: "^",
  down: "v",
  separator: "-",
  track: ".",
  bar: ["#"],
};
