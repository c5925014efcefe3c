import { findDetachKeys, findKey } from "../../../engine/protocol/detach-keys.ts";
import { UsageError } from "./usage-error.ts";

export { defaultDetachKeys } from "../../../engine/protocol/detach-keys.ts";

/** `ctrl-p,ctrl-q` to the bytes a terminal sends for it; empty: no such keys. */
export function parseDetachKeys(text: string): Buffer {
  const keys = findDetachKeys(text);
  if (keys !== null) return keys;
  const wrong = text.split(",").find((key) => findKey(key) === null);
  throw new UsageError(`invalid --detach-keys "${text}": "${wrong}" is neither a character nor ctrl-<character>`);
}
