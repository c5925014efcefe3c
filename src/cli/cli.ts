import type { EngineClient } from "../client/connection.ts";
import { openEngine } from "../client/open-engine.ts";
import { type EngineDirectories, type EnginePaths, enginePaths } from "../client/paths.ts";

/** One run of the command line: where its engine is, what it prints, how it ends. */
export class Cli {
  directories: EngineDirectories = {};
  exitCode = 0;

  get paths(): EnginePaths {
    return enginePaths(this.directories);
  }

  /** Connects, and starts the engine first where none listens. */
  connect(): Promise<EngineClient> {
    return openEngine(this.paths, { clientName: "gantry-cli" });
  }

  /** To stdout, with a newline. */
  print(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** To stderr, with a newline: not part of the output. */
  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}

/** Waits until all that was written has left, so that an exit loses nothing. */
export async function flushOutput(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(flush));
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
