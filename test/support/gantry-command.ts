import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type IPty, spawn as spawnPty } from "@lydell/node-pty";
import type { EngineConfig } from "../../engine/config.ts";

const launcher = fileURLToPath(new URL("../../bin/gantry", import.meta.url));

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type CommandOptions = { readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv };

/** Runs `bin/gantry` for an engine to its end, on pipes. */
export function gantryFor(config: EngineConfig) {
  const directories = { GANTRY_ROOT: config.root, GANTRY_RUN: config.run };
  return async (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> => {
    const env = { ...process.env, ...directories, ...options.env };
    const child = spawn(launcher, args, { env, cwd: options.cwd ?? "/", stdio: "pipe" });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code, stdout, stderr };
  };
}

/** The same in a terminal. */
export class TerminalCommand implements Disposable {
  readonly ended: Promise<number>;
  readonly #pty: IPty;
  #output = "";
  #onOutput: (() => void) | null = null;

  constructor(config: EngineConfig, args: readonly string[]) {
    const env = { ...process.env, GANTRY_ROOT: config.root, GANTRY_RUN: config.run, TERM: "xterm-256color" };
    this.#pty = spawnPty(launcher, [...args], { cols: 100, rows: 30, cwd: "/", env });
    this.#pty.onData((data) => {
      this.#output += data;
      this.#onOutput?.();
    });
    this.ended = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  get output(): string {
    return this.#output;
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  signal(name: NodeJS.Signals): void {
    this.#pty.kill(name);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** Resolves when the text stands in what was printed after the last look; fails after ten seconds with what was there. */
  async see(wanted: string): Promise<void> {
    const deadline = AbortSignal.timeout(10_000);
    while (!this.#output.includes(wanted)) {
      await new Promise<void>((resolve, reject) => {
        this.#onOutput = resolve;
        deadline.onabort = () => reject(new Error(`no ${JSON.stringify(wanted)} in ${JSON.stringify(this.#output)}`));
      });
    }
    this.#output = this.#output.slice(this.#output.indexOf(wanted) + wanted.length);
  }

  [Symbol.dispose](): void {
    this.#pty.kill("SIGKILL");
  }
}
