import { readFileSync } from "node:fs";
import { messageOf } from "../../engine/errors.ts";
import { UsageError } from "./parse/usage-error.ts";

/** A file that a flag names. */
export function readText(path: string, exitCode = 125): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(`read ${path}: ${messageOf(cause)}`, exitCode);
  }
}
