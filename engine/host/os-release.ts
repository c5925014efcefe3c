import { readFile } from "node:fs/promises";

export type OSRelease = { readonly name: string; readonly version: string };

/** PRETTY_NAME and VERSION_ID of os-release(5), each empty where it is missing. */
export async function readOSRelease(): Promise<OSRelease> {
  const text = await readFile("/etc/os-release", "utf8").catch(() =>
    readFile("/usr/lib/os-release", "utf8").catch(() => ""),
  );
  const textOf = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)`, "m").exec(text)?.[1] ?? "";
  return { name: textOf("PRETTY_NAME"), version: textOf("VERSION_ID") };
}
