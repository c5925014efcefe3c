import { isAbsolute, normalize } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Absolute, and not the root. `what` is for the message. */
export function parseTarget(what: string, target: string): string {
  if (!isAbsolute(target)) throw new UsageError(`invalid ${what}: target "${target}" is not an absolute path`);
  const path = normalize(target).replace(/(.)\/+$/, "$1");
  if (path === "/") throw new UsageError(`invalid ${what}: the target may not be /`);
  return path;
}

export const propagations = ["rprivate", "rslave", "rshared", "private", "slave", "shared"];
