import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../engines.ts";

/** Debian's docker-registry on loopback, its storage below `directory`. */
export class BenchRegistry {
  readonly address: string;
  readonly #directory: string;
  #process: ChildProcess | null = null;

  constructor(directory: string, port: number) {
    this.#directory = directory;
    this.address = `127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const storage = join(this.#directory, "storage");
    mkdirSync(storage, { recursive: true });
    const config = {
      version: "0.1",
      log: { level: "error", accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: storage },
        delete: { enabled: true },
        maintenance: { uploadpurging: { enabled: false } },
      },
      http: { addr: this.address, secret: "of the benchmark" },
    };
    const path = join(this.#directory, "config.json");
    writeFileSync(path, JSON.stringify(config));
    this.#process = spawn("docker-registry", ["serve", path], { stdio: "ignore" });
    await until(async () => {
      const answer = await fetch(`http://${this.address}/v2/`);
      if (!answer.ok) throw new Error(`docker-registry: ${answer.status}`);
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** The same address, and nothing in it. */
  async restartEmpty(): Promise<void> {
    await this.stop();
    rmSync(join(this.#directory, "storage"), { recursive: true, force: true });
    await this.start();
  }
}
