/** Go's unicode.IsSpace: what docker takes for a blank. JavaScript's \s has the byte order mark in it, and no U+0085. */
const blank = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

export function isBlank(character: string): boolean {
  return blank.test(character);
}

export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isBlank(text.charAt(start))) start++;
  return text.slice(start);
}

export function trim(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charAt(end - 1))) end--;
  return trimStart(text.slice(0, end));
}

/** Text before and after the first run of blanks of ASCII; after is null where there is none. */
export function splitAtBlanks(text: string): [before: string, after: string | null] {
  const start = text.search(/[\t\v\f\r ]/);
  if (start === -1) return [text, null];
  let end = start;
  while (isAsciiBlank(text.charAt(end))) end++;
  return [text.slice(0, start), text.slice(end)];
}

function isAsciiBlank(character: string): boolean {
  return character !== "" && "\t\v\f\r ".includes(character);
}
