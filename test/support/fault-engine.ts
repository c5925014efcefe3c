import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { statfsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import { connectEngine, type EngineClient } from "../../src/client/connection.ts";
import { engineEnvironment } from "../../src/client/start-engine.ts";

const program = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));

/** What a process that ended said, and how. */
export type Ended = { readonly code: number | null; readonly said: string };

/**
 * A mount namespace that can be spoilt without the host noticing, with directories for an engine that runs in it. Disposing ends and
 * purges the engine, whatever state it is in.
 */
export class FaultHost implements AsyncDisposable {
  readonly config: EngineConfig;
  readonly #directory: string;
  readonly #holder: ChildProcess;
  readonly #engines: ChildProcess[] = [];

  private constructor(directory: string, holder: ChildProcess) {
    this.#directory = directory;
    this.#holder = holder;
    this.config = createConfig({ root: join(directory, "root"), run: join(directory, "run") });
  }

  static async open(): Promise<FaultHost> {
    const directory = await mkdtemp("/tmp/gantry-test-");
    const script = `mkdir ${directory}/root ${directory}/run; echo ready; exec sleep infinity`;
    const holder = spawn("unshare", ["-m", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    return new FaultHost(directory, holder);
  }

  /** Runs a shell line in the namespace; fails where it does. */
  shell(line: string): string {
    return execFileSync("nsenter", [...this.#entry, "sh", "-ec", line], { encoding: "utf8" });
  }

  /** Starts an engine and connects. Fails with what it said. */
  async start(environment: NodeJS.ProcessEnv = {}): Promise<FaultEngine> {
    const { process: engine, said } = this.#spawn(environment);
    const ready = engine.stdio[3];
    const isReady = ready === null || ready === undefined ? [] : once(ready, "data");
    await Promise.race([isReady, once(engine, "exit")]);
    const end = engine.exitCode ?? engine.signalCode;
    if (end !== null) throw new Error(`engine ended with ${end}: ${said()}`);
    const client = await connectEngine({ socket: this.config.socket, clientName: "test" });
    return new FaultEngine(engine, client, this);
  }

  /** Starts an engine that ought to refuse, and waits for its end. */
  async refusal(environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const { process: engine, said } = this.#spawn(environment);
    const [code] = await once(engine, "close");
    return { code, said: said() };
  }

  /** Free bytes of the file system under the root. */
  free(): number {
    const { bavail, bsize } = statfsSync(this.seen(this.config.root));
    return bavail * bsize;
  }

  /** A path as the namespace has it. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const engine of this.#engines) {
      if (engine.exitCode !== null || engine.signalCode !== null) continue;
      engine.kill("SIGKILL");
      await once(engine, "exit");
    }
    const purge = this.#enter([process.execPath, program, "purge", "--force", ...this.#flags], "ignore");
    await once(purge, "close");
    this.#holder.kill("SIGKILL");
    await once(this.#holder, "exit");
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #entry(): string[] {
    return ["-t", String(this.#holder.pid), "-m"];
  }

  get #flags(): string[] {
    return ["--root", this.config.root, "--run", this.config.run];
  }

  #enter(command: readonly string[], stderr: "ignore" | "pipe", environment: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn("nsenter", [...this.#entry, ...command], {
      stdio: ["ignore", "ignore", stderr, "pipe"],
      // What a client gives it: with more, Node may have warnings of its own to print.
      env: { ...engineEnvironment(process.env), ...environment },
      cwd: "/",
    });
  }

  #spawn(environment: NodeJS.ProcessEnv): { process: ChildProcess; said: () => string } {
    const command = [process.execPath, program, "serve", "--ready-fd", "3", ...this.#flags];
    const engine = this.#enter(command, "pipe", environment);
    this.#engines.push(engine);
    let text = "";
    engine.stderr?.on("data", (data) => {
      text += data;
    });
    return { process: engine, said: () => text };
  }
}

export class FaultEngine implements AsyncDisposable {
  readonly client: EngineClient;
  readonly #host: FaultHost;
  readonly #process: ChildProcess;

  constructor(process: ChildProcess, client: EngineClient, host: FaultHost) {
    this.#process = process;
    this.client = client;
    this.#host = host;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async waitForImage(): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      if ((await this.client.request("images.list", {})).length > 0) return;
      await sleep(25);
    }
    throw new Error(`no starter image: ${await this.log()}`);
  }

  log(): Promise<string> {
    return readFile(this.#host.seen(this.#host.config.logFile), "utf8");
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.client.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill(signal);
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
