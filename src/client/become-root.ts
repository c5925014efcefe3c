import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { EngineError } from "../../engine/errors.ts";
import { dockerConfigDirectory, type EnginePaths } from "./paths.ts";

export type CallerVariables = Readonly<Record<string, string>>;

const carrier = "GANTRY_CALLER_ENVIRONMENT";

/**
 * Runs the command that is running now once more as root, through sudo or doas, in place of this process: the terminal, the
 * signals and the exit code are the new one's. `variables` of our environment are there as well, see callerVariables. Fails with
 * `permission-denied` where neither program is there.
 */
export function becomeRoot(paths: EnginePaths, variables: CallerVariables = {}): never {
  const [node, script, ...args] = process.argv;
  if (node === undefined || script === undefined) throw needsRoot();
  // The environment does not pass through sudo, so the directories become flags. Later flags win, so the user's own stand.
  const directories = ["--root", paths.root, "--run", paths.run, "--config", dockerConfigDirectory()];
  const command = [node, ...process.execArgv, "--", script, ...directories, ...args];
  const isAlone = Object.keys(variables).length === 0;
  const env = isAlone ? process.env : { ...process.env, [carrier]: JSON.stringify(variables) };
  const preserve = isAlone ? [] : [`--preserve-env=${carrier}`];
  const sudo = findProgram("sudo");
  if (sudo !== null) process.execve?.(sudo, ["sudo", ...preserve, "--", ...command], env);
  const doas = findProgram("doas");
  if (doas !== null && !isAlone) throw notPassedOn(Object.keys(variables));
  if (doas !== null) process.execve?.(doas, ["doas", ...command]);
  throw needsRoot();
}

/**
 * What the command that became root wanted of the environment it was typed in, taken out of ours: neither the engine nor anything else
 * we start is to have it. One variable carries all, so that none of them is taken for its own by sudo or by us, and no value stands
 * where `ps` and sudo's log show it.
 */
export function callerVariables(): CallerVariables {
  const text = process.env[carrier];
  if (text === undefined) return {};
  delete process.env[carrier];
  const variables: unknown = JSON.parse(text);
  const entries = Object.entries(typeof variables === "object" && variables !== null ? variables : {});
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function notPassedOn(names: readonly string[]): EngineError {
  return new EngineError("permission-denied", `the engine needs root, and doas does not pass on ${names.join(", ")}`, {
    hint: `give the value as well (${names[0]}=…), or run the command as root`,
  });
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
