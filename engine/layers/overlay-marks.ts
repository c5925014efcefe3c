import type { Stats } from "node:fs";
import * as syscalls from "../host/syscalls.ts";
import type { BytePath } from "../lib/byte-path.ts";

const opaque = "trusted.overlay.opaque";
const yes = Buffer.from("y");

/** A character device 0/0 hides a name of the layers below (kernel, filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
export function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

export function makeWhiteout(path: BytePath): void {
  syscalls.mknod(path, syscalls.nodeTypes.character, { major: 0, minor: 0 });
}

/** Makes a directory hide all that layers below have in it. */
export function markOpaque(path: BytePath): void {
  syscalls.lsetxattr(path, opaque, yes);
}

export function isOpaque(path: BytePath): boolean {
  return syscalls.lgetxattr(path, opaque)?.equals(yes) ?? false;
}

/** Name of the mark itself. */
export function isOpaqueMark(name: BytePath): boolean {
  return name === opaque;
}

/** What overlayfs notes for itself. */
export function isOverlayAttribute(name: BytePath): boolean {
  return /^(trusted|user)\.overlay\./.test(name);
}

/** Attributes a tar may set: never those that tell overlayfs what to show, nor those of the host's security modules. */
export function isLayerAttribute(name: BytePath): boolean {
  if (name.includes("\0") || isOverlayAttribute(name)) return false;
  return /^(user|trusted)\.|^security\.capability$|^system\.posix_acl_(access|default)$/.test(name);
}
