import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Health, health } from "./health-rules.ts";

/** Null where there is none, or none that can be read. */
export function readHealth(path: string): Health | null {
  try {
    return health.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return null;
  }
}

/** Survives the end of the engine; a power cut may lose the last results. */
export function writeHealth(path: string, value: Health): void {
  writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
