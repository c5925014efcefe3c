import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { getProgram } from "./programs.ts";
import { type SpawnedProcess, spawnProcess } from "./spawn.ts";
import { openMemoryFile } from "./syscalls.ts";

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
  // Files in memory, not pipes: nobody waits for the end of a descriptor that a grandchild keeps open.
  using files = new DisposableStack();
  const openFile = (file: string) => files.adopt(openMemoryFile(file), closeSync);
  const [stdin, stdout, stderr] = [
    options.input === undefined ? null : openFile("stdin"),
    openFile("stdout"),
    openFile("stderr"),
  ];
  if (stdin !== null) fill(stdin, options.input ?? "");
  const child = await spawnProcess({
    program: getProgram(name),
    args,
    environment: { PATH: process.env.PATH ?? defaultPath, LC_ALL: "C.UTF-8" },
    cwd: "/",
    descriptors: [stdin, stdout, stderr],
  });
  const timeout = options.timeout ?? 10_000;
  const exitCode = await endOf(child, timeout);
  if (exitCode !== null) return { exitCode, stdout: textOf(stdout), stderr: textOf(stderr) };
  throw new EngineError("unavailable", `${name} ${args[0] ?? ""} did not finish within ${timeout / 1000} s`);
}

/** The same, but a non-zero exit fails with `internal` and the first line of what the program said. Gives its stdout. */
export async function runCommand(name: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(name, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split("\n")[0] ?? "";
  throw new EngineError("internal", `${name} ${args.slice(0, 3).join(" ")} failed with ${result.exitCode}: ${said}`);
}

/** Null: it was killed for being late. */
async function endOf(child: SpawnedProcess, timeout: number): Promise<number | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => {
    if (child.isRunning()) process.kill(child.pid, "SIGKILL");
    resolve(null);
  }, timeout);
  try {
    return await Promise.race([child.ended, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** At a place, which leaves the offset for the child at the start. */
function fill(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
}

function textOf(file: number): string {
  const bytes = Buffer.alloc(Math.min(fstatSync(file).size, outputLimit));
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(file, bytes, length, bytes.length - length, length);
    if (read === 0) break;
    length += read;
  }
  return bytes.toString("utf8", 0, length);
}
