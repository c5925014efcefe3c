import type { LogChoice } from "../../../engine/protocol/create-request.ts";
import { refused } from "./usage-error.ts";

/** `--log-driver` and all `--log-opt`. Without a driver the engine chooses. */
export function parseLog(driver: string | undefined, options: readonly string[]): LogChoice {
  return { driver: parseDriver(driver ?? ""), options: Object.fromEntries(options.map(parseOption)) };
}

function parseDriver(driver: string): LogChoice["driver"] {
  if (driver === "" || driver === "local" || driver === "json-file" || driver === "none") return driver;
  throw refused(`log driver "${driver}" is not supported: want local, json-file or none`);
}

function parseOption(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw refused(`invalid --log-opt "${text}": want name=value`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
