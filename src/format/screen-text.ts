import { sanitize } from "./sanitize.ts";

const plain = /^[\x20-\x7e]*$/;
const family =
  /(\p{Extended_Pictographic})[\ufe0f\u{1f3fb}-\u{1f3ff}]*(?:\u200d\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]*)+/gu;
const tinted = /(\p{Extended_Pictographic})[\u{1f3fb}-\u{1f3ff}]/gu;
const modifiers = /[\ufe00-\ufe0f\u20e3]/g;
const flagLetter = /[\u{1f1e6}-\u{1f1ff}]/gu;

/**
 * Text from outside, made safe as by `sanitize`, and without what terminals disagree about: some give an emoji with a skin, a
 * family or a flag two columns, others (tmux, screen, the kernel's console) four or eight, and every column after it would stand
 * elsewhere than we believe. The plain emoji stays; a flag is told by its letters.
 */
export function screenText(text: string): string {
  const safe = sanitize(text);
  if (plain.test(safe)) return safe;
  return safe
    .replace(family, "$1")
    .replace(tinted, "$1")
    .replace(modifiers, "")
    .replace(flagLetter, (letter) => String.fromCharCode((letter.codePointAt(0) ?? 0) - 0x1f1e6 + 65));
}
