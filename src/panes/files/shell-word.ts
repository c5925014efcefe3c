import { screenText } from "../../format/screen-text.ts";

/** A text as a shell takes it for one word, without any character that a terminal would act on. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(text)) return text;
  if (screenText(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  const bytes = [...byteText(text)].map((letter) => {
    const code = letter.charCodeAt(0);
    if (letter === "'" || letter === "\\") return `\\${letter}`;
    return code >= 0x20 && code < 0x7f ? letter : `\\x${code.toString(16).padStart(2, "0")}`;
  });
  return `$'${bytes.join("")}'`;
}

/** A character for each byte; bytes that are no UTF-8 come as lone surrogates from U+DC80 on. */
function byteText(text: string): string {
  return text.replace(/[^\x00-\x7f]/gu, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return String.fromCharCode(code - 0xdc00);
    return Buffer.from(letter, "utf8").toString("latin1");
  });
}
