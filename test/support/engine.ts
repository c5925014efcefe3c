import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import { connectEngine, type EngineClient } from "../../src/client/connection.ts";

const program = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));

/** A real engine process on directories of its own. Disposing stops and purges it, whatever state it is in. */
export interface TestEngine extends AsyncDisposable {
  readonly config: EngineConfig;
  readonly pid: number;
  /** The connection made last; a new one after restart(). */
  readonly client: EngineClient;
  connect(): Promise<EngineClient>;
  /** Ends it by a signal and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it anew on the same directories. */
  start(): Promise<void>;
  /** All lines of its log. */
  log(): Promise<string>;
}

/** Starts an engine and waits until it has its starter image. */
export async function startTestEngine(): Promise<TestEngine> {
  const directory = await mkdtemp("/tmp/gantry-test-");
  const engine = new EngineUnderTest(directory);
  try {
    await engine.start();
    await engine.waitForStarterImage();
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

class EngineUnderTest implements TestEngine {
  readonly config: EngineConfig;
  readonly #directory: string;
  #process: ChildProcess | null = null;
  #client: EngineClient | null = null;

  constructor(directory: string) {
    this.#directory = directory;
    this.config = createConfig({ root: join(directory, "root"), run: join(directory, "run") });
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get client(): EngineClient {
    if (this.#client === null) throw new Error("the engine is not started");
    return this.#client;
  }

  async start(): Promise<void> {
    const process = this.#spawn(["serve", "--ready-fd", "3"], "pipe");
    this.#process = process;
    const ready = process.stdio[3];
    if (ready === null || ready === undefined) throw new Error("no pipe");
    const [winner] = await Promise.race([once(ready, "data"), once(process, "exit"), sleep(20_000, ["too late"])]);
    if (String(winner) !== "ready\n") throw new Error(`engine did not start: ${await this.log()}`);
    this.#client = await this.connect();
  }

  connect(): Promise<EngineClient> {
    return connectEngine({ socket: this.config.socket, clientName: "test" });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const process = this.#process;
    if (process === null || process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, "exit");
    this.#client?.close();
    process.kill(signal);
    await Promise.race([ended, sleep(10_000).then(() => process.kill("SIGKILL"))]);
  }

  async log(): Promise<string> {
    return await readFile(this.config.logFile, "utf8").catch(() => "no log");
  }

  async waitForStarterImage(): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      if ((await this.client.request("images.list", {})).length > 0) return;
      await sleep(25);
    }
    throw new Error(`no starter image: ${await this.log()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGTERM");
    const purge = this.#spawn(["purge", "--force"], "ignore");
    const [code] = await once(purge, "exit");
    if (code !== 0) throw new Error(`purge failed with ${code}`);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #spawn(args: string[], ready: "pipe" | "ignore"): ChildProcess {
    const { root, run } = this.config;
    return spawn(process.execPath, [program, ...args, "--root", root, "--run", run], {
      stdio: ["ignore", "ignore", "inherit", ready],
      cwd: "/",
      detached: true,
    });
  }
}
