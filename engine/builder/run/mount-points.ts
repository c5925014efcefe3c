import { lstatSync, readlinkSync } from "node:fs";
import { posix } from "node:path";

const mostLinks = 40;

/**
 * Where in a root file system a runtime will mount something on these paths: links of the image are followed inside it, and whatever is
 * missing on the way, which the runtime makes, counts as well. Looks at names only.
 */
export function findMountPoints(rootfs: string, targets: readonly string[]): string[] {
  return [...new Set(targets.flatMap((target) => pointsOf(rootfs, target)))];
}

function pointsOf(rootfs: string, target: string): string[] {
  const names = target.split("/");
  const missing: string[] = [];
  let here = "/";
  for (let links = 0; names.length > 0; ) {
    const next = posix.join(here, names.shift() ?? "");
    const linked = missing.length > 0 ? null : linkAt(rootfs, next);
    if (linked === null && next !== "/") missing.push(next);
    if (typeof linked !== "string") {
      here = next;
      continue;
    }
    links++;
    if (links > mostLinks) break;
    if (linked.startsWith("/")) here = "/";
    names.unshift(...linked.split("/"));
  }
  return [...missing, here].filter((path) => path !== "/");
}

/** What a link says; undefined for anything else, null for nothing. */
function linkAt(rootfs: string, path: string): string | null | undefined {
  const found = lstatSync(`${rootfs}${path}`, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.isSymbolicLink() ? readlinkSync(`${rootfs}${path}`) : undefined;
}
