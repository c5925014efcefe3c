import { readFileSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";

/** A file that a flag names. Fails with `invalid-argument`. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new EngineError("invalid-argument", `read ${path}: ${messageOf(cause)}`, { cause });
  }
}
