import measure from "string-width";

/**
 * Columns of a text on a terminal; the bundle gives this to Ink in place of the package's own function, with the same answers.
 * Ink measures each cell of each frame, and the regular expressions behind the package took 40 % of a frame.
 */
const known = new Map<string, number>();
const limit = 4096;

export default function stringWidth(text: string, options?: Parameters<typeof measure>[1]): number {
  if (options !== undefined) return measure(text, options);
  if (isPlain(text)) return text.length;
  const width = known.get(text);
  if (width !== undefined) return width;
  const measured = measure(text);
  if (known.size >= limit) known.clear();
  if (text.length <= 64) known.set(text, measured);
  return measured;
}

/** Printable ASCII, box drawing and blocks (U+2500-259F), braille (U+2800-28FF): one column a UTF-16 unit. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const plain =
      (code >= 0x20 && code <= 0x7e) || (code >= 0x2500 && code <= 0x259f) || (code >= 0x2800 && code <= 0x28ff);
    if (!plain) return false;
  }
  return true;
}
