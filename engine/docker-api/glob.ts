import { EngineError } from "../errors.ts";

type Element = { readonly isStar: boolean; readonly fits: (character: string) => boolean };

const longestPattern = 512;

/** Go's path.Match: `*` and `?` stay within a part between slashes. Fails with `invalid-argument` for a malformed pattern. */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (pattern.length > longestPattern) throw malformed(pattern);
  const segments = pattern.split("/").map(parseSegment);
  return (text) => {
    const parts = text.split("/");
    return segments.length === parts.length && segments.every((one, index) => fitsSegment(one, parts[index] ?? ""));
  };
}

function parseSegment(segment: string): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < segment.length; ) {
    const { element, length } = parseElement(segment, at);
    elements.push(element);
    at += length;
  }
  return elements;
}

function parseElement(segment: string, at: number): { element: Element; length: number } {
  const character = segment[at] ?? "";
  if (character === "*") return { element: { isStar: true, fits: () => true }, length: 1 };
  if (character === "?") return { element: { isStar: false, fits: () => true }, length: 1 };
  if (character === "[") return parseClass(segment, at);
  const isEscape = character === "\\";
  const literal = isEscape ? segment[at + 1] : character;
  if (literal === undefined) throw malformed(segment);
  return { element: { isStar: false, fits: (other) => other === literal }, length: isEscape ? 2 : 1 };
}

function parseClass(segment: string, at: number): { element: Element; length: number } {
  const match = /^\[(\^?)((?:\\.|[^\]\\])+)\]/s.exec(segment.slice(at));
  if (match === null) throw malformed(segment);
  const [whole, negation, body = ""] = match;
  const ranges = [...body.matchAll(/(?:\\(.)|([^\\]))(?:-(?:\\(.)|([^\\])))?/gs)].map(
    ([, escaped, plain, toEscaped, to]) => {
      const low = escaped ?? plain ?? "";
      return { low, high: toEscaped ?? to ?? low };
    },
  );
  const isIn = (character: string) => ranges.some(({ low, high }) => low <= character && character <= high);
  return {
    element: { isStar: false, fits: (character) => isIn(character) !== (negation === "^") },
    length: whole.length,
  };
}

/** In time of pattern by text: after a failure only the last star takes one character more. */
function fitsSegment(pattern: readonly Element[], text: string): boolean {
  let [at, position] = [0, 0];
  let [star, resume] = [-1, 0];
  while (position < text.length) {
    const element = pattern[at];
    if (element?.isStar === true) {
      [star, resume] = [at, position];
      at++;
    } else if (element?.fits(text[position] ?? "") === true) {
      at++;
      position++;
    } else if (star !== -1) {
      at = star + 1;
      resume++;
      position = resume;
    } else return false;
  }
  return pattern.slice(at).every(({ isStar }) => isStar);
}

function malformed(pattern: string): EngineError {
  return new EngineError("invalid-argument", `syntax error in pattern ${JSON.stringify(pattern.slice(0, 80))}`);
}
