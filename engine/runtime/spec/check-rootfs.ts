import { lstatSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";

/** Where the runtime mounts the kernel's own file systems and makes devices. */
const systemDirectories = ["dev", "proc", "sys"];

/**
 * Refuses a root file system that has a link, or anything but a directory, in one of these places: older runtimes mount what it leads to
 * (CVE-2026-41579, CVE-2019-19921). What is missing the runtime makes. Fails with `failed-precondition`.
 */
export function checkRootfs(rootfs: string): void {
  for (const name of systemDirectories) {
    const found = lstatSync(join(rootfs, name), { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory()) continue;
    const kind = found.isSymbolicLink() ? "a symbolic link" : "not a directory";
    throw new EngineError("failed-precondition", `/${name} of the container's file system is ${kind}`, {
      hint: "make it a directory in the image: what belongs to the kernel is mounted there",
      exitCode: 125,
    });
  }
}
