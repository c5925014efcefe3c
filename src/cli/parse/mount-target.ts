import { isAbsolute, normalize } from "node:path";
import { refused } from "./usage-error.ts";

/** Absolute, and not the root. `what` is for the message. */
export function parseTarget(what: string, target: string): string {
  if (!isAbsolute(target)) throw refused(`invalid ${what}: target "${target}" is not an absolute path`);
  const path = normalize(target).replace(/(.)\/+$/, "$1");
  if (path === "/") throw refused(`invalid ${what}: the target may not be /`);
  return path;
}

export const propagations = ["rprivate", "rslave", "rshared", "private", "slave", "shared"];
