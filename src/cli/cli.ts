import { callerVariables } from "../client/become-root.ts";
import { connectEngine, type EngineClient } from "../client/connection.ts";
import { openEngine } from "../client/open-engine.ts";
import { type EngineDirectories, type EnginePaths, enginePaths } from "../client/paths.ts";
import { outputOf } from "./output.ts";
import type { Environment } from "./parse/environment.ts";

const clientName = "gantry-cli";

/** One run of the command line: where its engine is, what it prints, how it ends. */
export class Cli {
  directories: EngineDirectories = {};
  exitCode = 0;
  /** What was wanted of the environment, and was there. */
  readonly #wanted: Record<string, string> = {};
  #environment: Environment | null = null;
  #ahead: { readonly socket: string; readonly client: Promise<EngineClient> } | null = null;

  get paths(): EnginePaths {
    return enginePaths(this.directories);
  }

  /** The environment the command was typed in, also where it has become root meanwhile. */
  get environment(): Environment {
    return new Proxy<Environment>(
      {},
      {
        get: (_, name) => {
          this.#environment ??= { ...process.env, ...callerVariables() };
          const value = this.#environment[String(name)];
          if (value !== undefined) this.#wanted[String(name)] = value;
          return value;
        },
      },
    );
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
    return client ?? openEngine(this.paths, { clientName, variables: this.#wanted });
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
