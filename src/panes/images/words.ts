/**
 * Splits a line into words as a POSIX shell does, with quotes and backslashes but without expansion. Null where a quote is
 * not closed.
 */
export function splitWords(text: string): string[] | null {
  const words: string[] = [];
  const piece = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)/gsy;
  let word: string | null = null;
  let end = 0;
  for (const match of text.matchAll(piece)) {
    const [whole, single, double, escaped, bare] = match;
    end = match.index + whole.length;
    const part = single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? bare;
    if (part !== undefined) {
      word = (word ?? "") + part;
    } else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  if (word !== null) words.push(word);
  return end === text.length ? words : null;
}
