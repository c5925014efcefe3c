import type { FileEntry } from "../../engine/protocol/files.ts";

const letters: Readonly<Record<FileEntry["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  hardlink: "-",
  device: "b",
  fifo: "p",
  socket: "s",
};

/** `-rwsr-xr-x`, as ls(1) has it. */
export function formatMode(type: FileEntry["type"], mode: number): string {
  const bits = (shift: number, special: number, mark: string): string => {
    const part = (mode >> shift) & 7;
    const isSpecial = (mode & special) !== 0;
    const execute = part & 1 ? (isSpecial ? mark : "x") : isSpecial ? mark.toUpperCase() : "-";
    return `${part & 4 ? "r" : "-"}${part & 2 ? "w" : "-"}${execute}`;
  };
  return `${letters[type]}${bits(6, 0o4000, "s")}${bits(3, 0o2000, "s")}${bits(0, 0o1000, "t")}`;
}
