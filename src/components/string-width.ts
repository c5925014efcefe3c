import measure from "string-width";

/**
 * Columns of a text on a terminal; the bundle gives this to Ink in place of the package's own function, with the same answers.
 * Ink measures each cell and each row of each frame, and the regular expressions behind the package took 40 % of a frame: so
 * what is surely one column wide is counted, colours are passed over, and only the rest is measured, once.
 */
const known = new Map<string, number>();
const limit = 4096;
const escapeCode = 0x1b;

export default function stringWidth(text: string, options?: Parameters<typeof measure>[1]): number {
  if (options !== undefined) return measure(text, options);
  let width = 0;
  for (let index = 0; index < text.length; ) {
    const code = text.charCodeAt(index);
    if (isNarrow(code)) {
      width += 1;
      index += 1;
    } else if (code === escapeCode) {
      const end = endOfStyle(text, index);
      if (end === -1) return remember(text);
      index = end;
    } else {
      const end = endOfOthers(text, index);
      // What is not plain may belong to the character before or after it: only between colours or blanks it stands alone.
      if (!standsAlone(text, index, end)) return remember(text);
      width += remember(text.slice(index, end));
      index = end;
    }
  }
  return width;
}

/** Printable ASCII, box drawing and blocks (U+2500-259F), braille (U+2800-28FF), and the signs the dashboard draws with. */
function isNarrow(code: number): boolean {
  return (
    (code >= 0x20 && code <= 0x7e) ||
    (code >= 0x2500 && code <= 0x259f) ||
    (code >= 0x2800 && code <= 0x28ff) ||
    code === 0x2026 ||
    code === 0x25cf ||
    code === 0x25cb ||
    code === 0x2192 ||
    code === 0x00b7
  );
}

/** End of `ESC [ … m`, or -1 where it is something else. */
function endOfStyle(text: string, start: number): number {
  if (text.charCodeAt(start + 1) !== 0x5b) return -1;
  let index = start + 2;
  for (let code = text.charCodeAt(index); (code >= 0x30 && code <= 0x39) || code === 0x3b; ) {
    index += 1;
    code = text.charCodeAt(index);
  }
  return text.charCodeAt(index) === 0x6d ? index + 1 : -1;
}

function endOfOthers(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && !isNarrow(text.charCodeAt(index)) && text.charCodeAt(index) !== escapeCode) index += 1;
  return index;
}

function standsAlone(text: string, start: number, end: number): boolean {
  return (start === 0 || text.charCodeAt(start - 1) === 0x20) && (end === text.length || text.charCodeAt(end) === 0x20);
}

function remember(text: string): number {
  const width = known.get(text);
  if (width !== undefined) return width;
  const measured = measure(text);
  if (known.size >= limit) known.clear();
  if (text.length <= 512) known.set(text, measured);
  return measured;
}
