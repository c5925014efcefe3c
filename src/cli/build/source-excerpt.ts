import { screenText } from "../../format/screen-text.ts";

/** 1-based, both included. */
export type LineRange = { readonly first: number; readonly last: number };

/** The lines of an instruction that begins at `line`: continued ones and its heredocs belong to it. */
export function instructionRange(text: string, line: number): LineRange {
  const lines = text.split(/\r?\n/);
  const continuation = /^#\s*escape\s*=\s*`/im.test(lines.slice(0, 10).join("\n")) ? "`" : "\\";
  let last = line;
  while (last < lines.length && isContinued(lines, { last, first: line }, continuation)) last++;
  for (const word of heredocsOf(lines.slice(line - 1, last).join("\n"))) {
    const end = lines.findIndex((content, index) => index >= last && content.replace(/^\t+/, "") === word);
    if (end !== -1) last = end + 1;
  }
  return { first: line, last: Math.min(last, lines.length) };
}

/** A comment or an empty line between continued ones does not end them. */
function isContinued(lines: readonly string[], { first, last }: LineRange, continuation: string): boolean {
  const content = (lines[last - 1] ?? "").trimEnd();
  if (content.endsWith(continuation) && !isComment(content)) return true;
  return last > first && (isComment(content) || content === "");
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith("#");
}

function heredocsOf(instruction: string): string[] {
  return [...instruction.matchAll(/<<-?(["']?)([A-Za-z_]\w*)\1/g)].map((match) => match[2] ?? "");
}

/** A Dockerfile around some of its lines, these marked, as BuildKit shows where a build failed. */
export function sourceExcerpt(fileName: string, text: string, range: LineRange): string[] {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (range.first < 1 || range.first > lines.length) return [];
  const around = range.first === range.last ? 2 : 1;
  const first = Math.max(1, range.first - around);
  const last = Math.min(lines.length, range.last + around);
  const rule = "-".repeat(20);
  const shown = lines.slice(first - 1, last).map((line, index) => {
    const number = first + index;
    const mark = number >= range.first && number <= range.last ? ">>>" : "   ";
    return ` ${String(number).padStart(3)} | ${mark} ${screenText(line)}`.trimEnd();
  });
  return [`${screenText(fileName)}:${range.first}`, rule, ...shown, rule];
}
