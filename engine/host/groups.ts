import { readFile } from "node:fs/promises";

/** Number of a group of this host (group(5)), or null. */
export async function findGroup(name: string, path = "/etc/group"): Promise<number | null> {
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const [group, , gid] = line.split(":");
    if (group === name && /^\d+$/.test(gid ?? "")) return Number(gid);
  }
  return null;
}
