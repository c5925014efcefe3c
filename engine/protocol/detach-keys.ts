/** docker's, where nobody names others. */
export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` to the bytes a terminal sends for it; empty: no such keys. Null where a key is neither a character nor `ctrl-` and one. */
export function findDetachKeys(text: string): Buffer | null {
  if (text === "") return Buffer.alloc(0);
  const bytes = text.split(",").map(findKey);
  return bytes.includes(null) ? null : Buffer.from(bytes as number[]);
}

/** Null where it is no key. */
export function findKey(key: string): number | null {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
  return /^[\x21-\x7e]$/.test(key) ? key.charCodeAt(0) : null;
}
