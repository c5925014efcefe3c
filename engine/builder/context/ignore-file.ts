import { cleanPath } from "../copy/go-path.ts";

/**
 * The patterns of a .dockerignore, in order, `!` before an exception: without comments and blanks, as short as they can be, and relative to the
 * context (as docker's moby/patternmatcher/ignorefile reads it).
 */
export function readIgnoreFile(text: string): string[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  return lines.filter((line) => !line.startsWith("#")).flatMap(parseLine);
}

function parseLine(line: string): string[] {
  const pattern = line.trim();
  if (pattern === "") return [];
  const isException = pattern.startsWith("!");
  const path = isException ? pattern.slice(1).trim() : pattern;
  const clean = path === "" ? "" : cleanPath(path);
  const relative = clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean;
  return [`${isException ? "!" : ""}${relative}`];
}
