/** A line that is being typed. `cursor` counts graphemes from the start. */
export type TextInput = { readonly value: string; readonly cursor: number };

export const emptyInput: TextInput = { value: "", cursor: 0 };

const segmenter = new Intl.Segmenter();

export function graphemes(text: string): string[] {
  return [...segmenter.segment(text)].map(({ segment }) => segment);
}

export function inputOf(value: string): TextInput {
  return { value, cursor: graphemes(value).length };
}

/** Puts text at the cursor; line ends and control characters of a paste become blanks. */
export function insertText(input: TextInput, text: string): TextInput {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  const parts = graphemes(input.value);
  const before = parts.slice(0, input.cursor).join("") + clean;
  return { value: before + parts.slice(input.cursor).join(""), cursor: graphemes(before).length };
}

/** Applies an editing key as readline has them; null when the key edits nothing. */
export function editInput(input: TextInput, key: string): TextInput | null {
  const parts = graphemes(input.value);
  const { cursor } = input;
  switch (key) {
    case "backspace":
      return cursor === 0 ? input : cut(parts, cursor - 1, cursor);
    case "delete":
    case "ctrl+d":
      return cut(parts, cursor, cursor + 1);
    case "left":
    case "ctrl+b":
      return { ...input, cursor: Math.max(0, cursor - 1) };
    case "right":
    case "ctrl+f":
      return { ...input, cursor: Math.min(parts.length, cursor + 1) };
    case "home":
    case "ctrl+a":
      return { ...input, cursor: 0 };
    case "end":
    case "ctrl+e":
      return { ...input, cursor: parts.length };
    case "ctrl+u":
      return cut(parts, 0, cursor);
    case "ctrl+k":
      return cut(parts, cursor, parts.length);
    case "ctrl+w":
      return cut(parts, wordStart(parts, cursor), cursor);
    default:
      return null;
  }
}

function cut(parts: readonly string[], start: number, end: number): TextInput {
  return { value: parts.slice(0, start).join("") + parts.slice(end).join(""), cursor: start };
}

function wordStart(parts: readonly string[], cursor: number): number {
  let start = cursor;
  while (start > 0 && parts[start - 1] === " ") start -= 1;
  while (start > 0 && parts[start - 1] !== " ") start -= 1;
  return start;
}
