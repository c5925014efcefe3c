/** Longer words are no slip of the pen of anything. */
const longestWord = 100;
/** From so many edits on a word is another word. */
const tooFar = 3;

/** The option that `word` was probably meant to be, or null: also where it is one of them. */
export function suggest(word: string, options: Iterable<string>): string | null {
  if (word.length > longestWord) return null;
  let best: string | null = null;
  let least = tooFar;
  for (const option of options) {
    if (option === word) return null;
    if (Math.abs(option.length - word.length) >= least) continue;
    const edits = editsBetween(word, option);
    if (edits < least) {
      least = edits;
      best = option;
    }
  }
  return best;
}

/** ` (did you mean x?)`, or nothing. */
export function didYouMean(word: string, options: Iterable<string>): string {
  const meant = suggest(word, options);
  return meant === null ? "" : ` (did you mean ${meant}?)`;
}

/** Levenshtein's distance. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const changed = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
