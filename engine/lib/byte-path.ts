import { isUtf8 } from "node:buffer";

/**
 * A path on Linux is bytes, not text. A byte path is a string with one character (U+0000 to U+00FF) a byte, so that it can be split,
 * compared and used as a key, and every name survives.
 */
export type BytePath = string;

const ascii = /^[\x00-\x7f]*$/;

/** What Node's fs takes: the string itself where it is plain ASCII (the fast way), else its bytes. */
export function pathOf(path: BytePath): string | Buffer {
  return ascii.test(path) ? path : Buffer.from(path, "latin1");
}

export function bytePathOf(path: string | Buffer): BytePath {
  return (typeof path === "string" ? Buffer.from(path, "utf8") : path).toString("latin1");
}

/** For people: broken UTF-8 and control characters replaced, at most 200 characters. */
export function textOf(path: BytePath): string {
  const text = Buffer.from(path, "latin1")
    .toString("utf8")
    .replace(/\p{Cc}/gu, "\ufffd");
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/**
 * Text that goes over the wire and comes back as the same bytes: UTF-8 as it is, and each byte that is none a lone surrogate (U+DC80 to
 * U+DCFF), as Python's `surrogateescape` has it. Control characters stay: who prints it must look after that.
 */
export function wireTextOf(path: BytePath): string {
  if (ascii.test(path)) return path;
  const bytes = Buffer.from(path, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : escapeBytes(bytes);
}

/** The bytes behind such a text. */
export function bytePathOfWire(text: string): BytePath {
  if (ascii.test(text)) return text;
  return text
    .split(/([\udc80-\udcff])/u)
    .map((part, index) => (index % 2 === 1 ? String.fromCharCode(part.charCodeAt(0) - 0xdc00) : bytePathOf(part)))
    .join("");
}

function escapeBytes(bytes: Buffer): string {
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = [4, 3, 2, 1].find((size) => start + size <= bytes.length && isCharacter(bytes, start, size)) ?? 0;
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[start] ?? 0)) : bytes.toString("utf8", start, start + length);
    start += Math.max(1, length);
  }
  return text;
}

function isCharacter(bytes: Buffer, start: number, size: number): boolean {
  const lead = bytes[start] ?? 0;
  const wanted = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return size === wanted && isUtf8(bytes.subarray(start, start + size));
}

/** NUL-terminated bytes for a system call. */
export function cStringOf(path: BytePath): Buffer {
  return Buffer.from(`${path}\0`, "latin1");
}
