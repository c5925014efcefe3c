import { EngineError } from "../errors.ts";
import { defaultDetachKeys, findDetachKeys } from "../protocol/detach-keys.ts";
import { DetachScanner } from "../protocol/detach-scanner.ts";

/** Empty: docker's own. */
export function parseDetachKeys(text: string): Buffer {
  const keys = findDetachKeys(text === "" ? defaultDetachKeys : text);
  if (keys !== null) return keys;
  throw new EngineError("invalid-argument", `Invalid escape keys (${text}) provided`);
}

/** What a client types at a terminal, until the keys that detach. */
export async function* untilDetached(
  input: AsyncIterable<Buffer>,
  { keys, onDetach }: { readonly keys: Buffer; readonly onDetach: () => void },
): AsyncGenerator<Buffer> {
  const scanner = new DetachScanner(keys);
  for await (const chunk of input) {
    const { bytes, detached } = scanner.feed(chunk);
    if (bytes.length > 0) yield bytes;
    if (detached) return onDetach();
  }
}
