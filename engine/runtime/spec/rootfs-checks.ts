import { lstatSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { posix } from "node:path";
import { EngineError } from "../../errors.ts";

/**
 * Refuses a file system whose /dev, /proc or /sys is a link: a runtime that mounts there would do it on what the link names
 * (CVE-2025-31133 and after).
 */
export function refuseLinkedMountPoints(rootfs: string): void {
  for (const name of ["dev", "proc", "sys"]) {
    const stat = lstatSync(`${rootfs}/${name}`, { throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory()) continue;
    const what = stat.isSymbolicLink() ? "a symbolic link" : "no directory";
    throw new EngineError("invalid-argument", `/${name} of the image is ${what}: nothing can be mounted there safely`, {
      hint: "do not run images that you do not trust",
      exitCode: 125,
    });
  }
}

/** Ways out of a container by a descriptor that a runtime left open, or by another process. */
const magicLink = /^\/proc\/(self|thread-self|\d+)(\/task\/\d+)?\/(fd|cwd|root|map_files)(\/|$)/;
const mostLinks = 40;

export function leadsOut(path: string): boolean {
  return magicLink.test(path);
}

/**
 * Refuses a working directory that leads, over links in the image as well, to a descriptor in /proc (CVE-2024-21626). Only looks at
 * names: `root` may belong to a container that runs and changes it, and a runtime checks again.
 */
export async function refuseLeadingOut(root: string, path: string): Promise<void> {
  const names = path.split("/");
  let here = "/";
  for (let links = 0; names.length > 0; ) {
    const next = posix.join(here, names.shift() ?? "");
    const target = await targetOf(root, next);
    if (leadsOut(next) || links > mostLinks) throw refused(path);
    if (target === null) {
      here = next;
      continue;
    }
    links++;
    if (target.startsWith("/")) here = "/";
    names.unshift(...target.split("/"));
  }
}

async function targetOf(root: string, path: string): Promise<string | null> {
  return path === "/" ? null : readlink(`${root}${path}`).catch(() => null);
}

function refused(path: string): EngineError {
  return new EngineError("invalid-argument", `working directory ${JSON.stringify(path)} leads out of the container`, {
    exitCode: 125,
  });
}
