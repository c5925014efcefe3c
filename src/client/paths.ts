import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Where one engine lives, as a client needs to know it; the engine derives the same from the same two directories. */
export type EnginePaths = {
  /** State that survives a reboot. Absolute. */
  readonly root: string;
  /** Sockets and pid files. Absolute. */
  readonly run: string;
  readonly socket: string;
  /** What the engine prints and logs. */
  readonly logFile: string;
};

export type EngineDirectories = { readonly root?: string | undefined; readonly run?: string | undefined };

/** Flags first, then GANTRY_ROOT and GANTRY_RUN, then the default directories. */
export function enginePaths(directories: EngineDirectories = {}): EnginePaths {
  const root = resolve(directories.root ?? (process.env.GANTRY_ROOT || "/var/lib/gantry"));
  const run = resolve(directories.run ?? (process.env.GANTRY_RUN || "/run/gantry"));
  return { root, run, socket: join(run, "gantry.sock"), logFile: join(root, "engine.log") };
}

/** Where docker keeps the user's accounts at registries: DOCKER_CONFIG, which `--config` sets, or `~/.docker`. */
export function dockerConfigDirectory(): string {
  return resolve(process.env.DOCKER_CONFIG || join(homedir(), ".docker"));
}
