import { EngineError } from "../../errors.ts";

/** Of a Dockerfile's text that is wrong. */
export function refuse(message: string): never {
  throw new EngineError("invalid-argument", message);
}

const place = "dockerfile parse error on line ";

/** Does `work` and says of its failure where in the Dockerfile the reason is (1-based), unless that is said already. */
export function atLine<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EngineError) || error.message.startsWith(place)) throw error;
    throw EngineError.wrap(`${place}${line}`, error);
  }
}

/** As Go's %q writes it, and no longer than a message bears. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
