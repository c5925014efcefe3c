import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";

/** A user's PATH often lacks the sbin directories, where Debian puts runc, nft and ip. */
const systemDirectories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const found = new Map<string, string>();

/** Absolute path of a host program, or null. Remembered while it stays executable. */
export function findProgram(name: string): string | null {
  const known = found.get(name);
  if (known !== undefined && isExecutable(known)) return known;
  const directories = [
    ...(process.env.PATH ?? "").split(":").filter((part) => part.startsWith("/")),
    ...systemDirectories,
  ];
  const path = directories.map((directory) => join(directory, name)).find(isExecutable);
  if (path === undefined) return null;
  found.set(name, path);
  return path;
}

/** The same, or fails with `failed-precondition` and what to install. */
export function getProgram(name: string): string {
  const path = findProgram(name);
  if (path !== null) return path;
  throw new EngineError("failed-precondition", `program ${name} not found on this host`, {
    hint: "run `gantry engine doctor`: it names the package to install",
    exitCode: 125,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
