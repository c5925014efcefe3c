import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { EngineError } from "../../engine/errors.ts";
import { dockerConfigDirectory, type EnginePaths } from "./paths.ts";

/**
 * Runs the command that is running now once more as root, through sudo or doas, in place of this process: the terminal, the
 * signals and the exit code are the new one's. Fails with `permission-denied` where neither program is there.
 */
export function becomeRoot(paths: EnginePaths): never {
  const [node, script, ...args] = process.argv;
  if (node === undefined || script === undefined) throw needsRoot();
  // The environment does not pass through sudo, so the directories become flags. Later flags win, so the user's own stand.
  const directories = ["--root", paths.root, "--run", paths.run, "--config", dockerConfigDirectory()];
  const command = [node, ...process.execArgv, "--", script, ...directories, ...args];
  const sudo = findProgram("sudo");
  if (sudo !== null) process.execve?.(sudo, ["sudo", "--", ...command]);
  const doas = findProgram("doas");
  if (doas !== null) process.execve?.(doas, ["doas", ...command]);
  throw needsRoot();
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function needsRoot(): EngineError {
  return new EngineError("permission-denied", "the engine needs root, and neither sudo nor doas is installed", {
    hint: "run the command as root",
  });
}

function findProgram(name: string): string | null {
  const directories = (process.env.PATH ?? "/usr/bin:/bin").split(delimiter);
  // An empty or relative entry means the working directory, which may be anybody's.
  const trusted = directories.filter((directory) => directory.startsWith("/"));
  return trusted.map((directory) => join(directory, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
