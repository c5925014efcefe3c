import { closeSync, existsSync } from "node:fs";
import { release } from "node:os";
import { EngineError } from "../errors.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { errnoError, errnoOf } from "./errno.ts";
import * as syscalls from "./syscalls.ts";

/** Overlayfs takes idmapped layers since then. */
const firstKernel = [5, 19] as const;

/** A sentence where this host cannot give containers ids of their own, or null. */
export function whyNoIDMapping(kernel = release()): string | null {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const isNew = major > firstKernel[0] || (major === firstKernel[0] && minor >= firstKernel[1]);
  if (!isNew) return `it needs Linux ${firstKernel.join(".")} or later for idmapped layers, this is ${kernel}`;
  return existsSync("/proc/self/ns/user") ? null : "this kernel has no user namespaces";
}

/**
 * Mounts a directory, or a file, once more at an existing `target`, with its ids as a user namespace maps them. Gives a descriptor of the
 * mount, by which it is found also where another one is mounted on it; the caller closes it. Fails with `failed-precondition` where the
 * file system cannot do that.
 */
export function mountMapped(
  source: string,
  target: string,
  options: { readonly userNamespace: number; readonly recursive?: boolean },
): number {
  const recursive = options.recursive ?? false;
  let mounted: number | null = null;
  try {
    mounted = syscalls.cloneMount(bytePathOf(source), recursive);
    syscalls.mapMountIDs(mounted, options.userNamespace, recursive);
    syscalls.moveMount(mounted, bytePathOf(target));
    return mounted;
  } catch (error) {
    if (mounted !== null) closeSync(mounted);
    if (errnoOf(error) !== "EINVAL" && errnoOf(error) !== "ENOSYS") throw errnoError(`map ids of ${source}`, error);
    throw new EngineError("failed-precondition", `map ids of ${source}: its file system cannot do it`, {
      cause: error,
      hint: "ext4, xfs, btrfs and tmpfs can, on a new kernel; or use --userns host",
      exitCode: 125,
    });
  }
}
