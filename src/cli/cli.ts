import { connectEngine, type EngineClient } from "../client/connection.ts";
import { openEngine } from "../client/open-engine.ts";
import { type EngineDirectories, type EnginePaths, enginePaths } from "../client/paths.ts";
import { outputOf } from "./output.ts";

const clientName = "gantry-cli";

/** One run of the command line: where its engine is, what it prints, how it ends. */
export class Cli {
  directories: EngineDirectories = {};
  exitCode = 0;
  #ahead: { readonly socket: string; readonly client: Promise<EngineClient> } | null = null;

  get paths(): EnginePaths {
    return enginePaths(this.directories);
  }

  /** Begins to connect, so that the engine shakes hands while the verb is being loaded. Starts no engine, and fails never. */
  async connectAhead(): Promise<void> {
    const { socket } = this.paths;
    const client = connectEngine({ socket, clientName });
    client.catch(() => undefined);
    this.#ahead = { socket, client };
    // One turn of the event loop, and the request is on its way.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Connects, and starts the engine first where none listens. */
  async connect(): Promise<EngineClient> {
    const ahead = this.#ahead;
    this.#ahead = null;
    // The verb's own flags may have named another engine.
    const client = ahead?.socket === this.paths.socket ? await ahead.client.catch(() => null) : null;
    return client ?? openEngine(this.paths, { clientName });
  }

  /** To stdout, with a newline. */
  print(line: string): void {
    outputOf("stdout").write(`${line}\n`);
  }

  /** To stderr, with a newline: not part of the output. */
  say(line: string): void {
    outputOf("stderr").write(`${line}\n`);
  }
}
