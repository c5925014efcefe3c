import { spawn } from "node:child_process";
import { EngineError } from "../errors.ts";
import { forkTurn } from "./fork-turn.ts";
import { getProgram } from "./programs.ts";

export type CommandOptions = {
  /** Written to stdin, which is then closed. */
  readonly input?: string;
  /** Milliseconds until SIGKILL; default 10,000. No command may hang the engine. */
  readonly timeout?: number;
};

export type CommandResult = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const outputLimit = 8 * 1024 * 1024;

/**
 * Runs a host program without a shell and without the engine's environment, in the locale C.UTF-8. A non-zero exit is a result, not an
 * error. Fails with `failed-precondition` where the program is missing, `unavailable` where it took too long.
 */
export async function tryCommand(
  name: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const program = getProgram(name);
  await forkTurn();
  const child = spawn(program, args, {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? defaultPath, LC_ALL: "C.UTF-8" },
    cwd: "/",
  });
  const timeout = options.timeout ?? 10_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
    // Its own children may hold the other ends.
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, timeout);
  try {
    // A child that does not read its input must not take the engine down with EPIPE.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
    const [exitCode, stdout, stderr] = await Promise.all([exitOf(child), textOf(child.stdout), textOf(child.stderr)]);
    if (!late) return { exitCode, stdout, stderr };
  } catch (error) {
    if (!late) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new EngineError("unavailable", `${name} ${args[0] ?? ""} did not finish within ${timeout / 1000} s`);
}

/** The same, but a non-zero exit fails with `internal` and the first line of what the program said. Gives its stdout. */
export async function runCommand(name: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(name, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split("\n")[0] ?? "";
  throw new EngineError("internal", `${name} ${args.slice(0, 3).join(" ")} failed with ${result.exitCode}: ${said}`);
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 137));
  });
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) return "";
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size <= outputLimit) chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
