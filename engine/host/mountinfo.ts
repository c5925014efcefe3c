import { readFileSync } from "node:fs";

export type MountEntry = {
  readonly id: number;
  readonly parentID: number;
  /** Path of the mount point as this process sees it. */
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
  /** Whether mounts made below it come to other namespaces, and from them: `shared:N`, `master:N`, `unbindable`. */
  readonly propagation: readonly string[];
};

/** Parses /proc/<pid>/mountinfo (proc_pid_mountinfo(5)); a line that is not understood is left out. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const [left, right] = line.split(" - ", 2);
    const fields = left?.split(" ") ?? [];
    const [type = "", source = "", superOptions = ""] = right?.split(" ") ?? [];
    if (fields.length < 6 || type === "") return [];
    return {
      id: Number(fields[0]),
      parentID: Number(fields[1]),
      target: unescaped(fields[4] ?? ""),
      type: unescaped(type),
      source: unescaped(source),
      propagation: fields.slice(6).filter((field) => field !== ""),
      options: [...(fields[5] ?? "").split(","), ...superOptions.split(",")].map(unescaped),
    };
  });
}

/** All mounts of this process's mount namespace, in the order they were made visible. */
export function listMounts(): MountEntry[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The kernel writes space, tab, newline, backslash and # as three octal digits, a byte each. */
function unescaped(field: string): string {
  if (!field.includes("\\")) return field;
  const bytes = Buffer.from(field, "utf8").toString("latin1");
  const plain = bytes.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(plain, "latin1").toString("utf8");
}
