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

/** NUL-terminated bytes for a system call. */
export function cStringOf(path: BytePath): Buffer {
  return Buffer.from(`${path}\0`, "latin1");
}
