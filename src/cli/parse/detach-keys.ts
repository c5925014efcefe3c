import { UsageError } from "./usage-error.ts";

export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` to the bytes a terminal sends for it; empty: no such keys. */
export function parseDetachKeys(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  return Buffer.from(text.split(",").map((key) => parseKey(text, key)));
}

function parseKey(text: string, key: string): number {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
  if (/^[\x21-\x7e]$/.test(key)) return key.charCodeAt(0);
  throw new UsageError(`invalid --detach-keys "${text}": "${key}" is neither a character nor ctrl-<character>`);
}
