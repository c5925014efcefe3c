import { EngineError } from "../../engine/errors.ts";
import { becomeRoot, type CallerVariables, isRoot } from "./become-root.ts";
import { connectEngine, type EngineClient } from "./connection.ts";
import type { EnginePaths } from "./paths.ts";

export type OpenEngineOptions = {
  readonly clientName?: string;
  /** Called when no engine listens and one is being started. */
  readonly onStarting?: () => void;
  /** What the command wanted of our environment, for where it becomes root. */
  readonly variables?: CallerVariables;
  /** Flags of the engine's `serve`, for one that has to be started. */
  readonly serveFlags?: readonly string[];
};

/**
 * Connects to the engine of these paths, and starts one first where none listens. Where root is needed and we are not root, this
 * process is replaced by the same command under sudo or doas.
 */
export async function openEngine(paths: EnginePaths, options: OpenEngineOptions = {}): Promise<EngineClient> {
  try {
    return await connectEngine({ socket: paths.socket, ...options });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === "permission-denied" && !isRoot()) becomeRoot(paths, options.variables);
    if (error.code !== "unavailable") throw error;
  }
  if (!isRoot()) becomeRoot(paths, options.variables);
  options.onStarting?.();
  // Loaded only where it is needed: a command that finds its engine does not pay for it.
  const { startEngine } = await import("./start-engine.ts");
  return startEngine(paths, options);
}

/** Connects where an engine listens, and starts none: null. Becomes root as openEngine does where the socket asks for it. */
export async function findEngine(paths: EnginePaths, clientName: string): Promise<EngineClient | null> {
  try {
    return await connectEngine({ socket: paths.socket, clientName });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === "permission-denied" && !isRoot()) becomeRoot(paths);
    if (error.code !== "unavailable") throw error;
    return null;
  }
}
