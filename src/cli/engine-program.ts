import { becomeRoot, isRoot } from "../client/become-root.ts";
import { engineProgram } from "../client/start-engine.ts";
import type { Cli } from "./cli.ts";

/** Goes over to a verb of the engine's own program, as root, in place of this process. */
export function becomeEngine(cli: Cli, verb: string, args: readonly string[]): never {
  const { root, run } = cli.paths;
  if (!isRoot()) becomeRoot(cli.paths);
  const command = [process.execPath, engineProgram(), verb, "--root", root, "--run", run, ...args];
  process.execve?.(process.execPath, command);
  throw new Error(`cannot start ${process.execPath}`);
}
