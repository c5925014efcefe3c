import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { getProgram } from "../../host/programs.ts";
import { openPipe, type SpawnedProcess, spawnProcess } from "../../host/spawn.ts";
import { runtimeError, shortReason } from "../../runtime/runtime-errors.ts";
import type { StepWork } from "./step-runner.ts";

export type StepCommand = {
  readonly program: "runc" | "crun";
  /** Of the runtime's records. */
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  /** Where the runtime complains. */
  readonly log: string;
  /** For messages. */
  readonly command: string;
};

const entry = z.object({ level: z.string(), msg: z.string() });

/**
 * Runs a bundle by the runtime's own `run`, a child of ours that hands on what the command says: a start takes one process less than with
 * conmon, and nobody has to find out how it ended. `run` keeps the cgroup, whose counts are to be read, and the record. Gives the exit code when
 * all output was taken. Fails with the reason where the command could not be started, exitCode 126 or 127; with `cancelled`, while what
 * it has started may still run.
 */
export async function runStepCommand(command: StepCommand, { signal, onOutput }: StepWork): Promise<number> {
  const { child, outputs } = await start(command);
  const cancelled = Promise.withResolvers<never>();
  // It is told by the race below.
  cancelled.promise.catch(() => {});
  const stop = () => {
    if (child.isRunning()) process.kill(child.pid, "SIGKILL");
    cancelled.reject(new EngineError("cancelled", "the command was cancelled"));
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    let complaint: string | null = null;
    const taken = Promise.all([
      take(outputs[0], (bytes) => onOutput(1, bytes)),
      take(outputs[1], (bytes, isFirst) => {
        if (isFirst) complaint = complaintIn(command.log, bytes);
        return complaint === null ? onOutput(2, bytes) : undefined;
      }),
      child.ended,
    ]);
    taken.catch(() => {});
    const [, , exitCode] = await Promise.race([taken, cancelled.promise]);
    if (complaint !== null) throw startError(complaint, command.command);
    return exitCode;
  } finally {
    signal.removeEventListener("abort", stop);
    if (child.isRunning()) process.kill(child.pid, "SIGKILL");
    for (const socket of outputs) socket.destroy();
  }
}

async function start(command: StepCommand): Promise<{ child: SpawnedProcess; outputs: readonly [Socket, Socket] }> {
  const { program, root, id, bundle, log } = command;
  using given = new DisposableStack();
  using kept = new DisposableStack();
  const [stdout, stderr] = [openPipe("write", { given, kept }), openPipe("write", { given, kept })];
  const own = program === "runc" ? ["--keep", "--no-subreaper"] : ["--no-subreaper"];
  const child = await spawnProcess({
    program: getProgram(program),
    args: [
      ...["--root", root, "--log", log, "--log-format", "json"],
      ...["run", ...own, "--no-new-keyring", "--bundle", bundle, id],
    ],
    environment: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    descriptors: [null, stdout.theirs, stderr.theirs],
    newSession: true,
  });
  kept.move();
  const socketOf = (fd: number) => new Socket({ fd, writable: false });
  return { child, outputs: [socketOf(stdout.ours), socketOf(stderr.ours)] };
}

/** Until the last descriptor of it is closed. */
async function take(socket: Socket, tell: (bytes: Buffer, isFirst: boolean) => unknown): Promise<void> {
  let isFirst = true;
  for await (const chunk of socket) {
    await tell(chunk as Buffer, isFirst);
    isFirst = false;
  }
}

/**
 * What the runtime itself has to say where it could not start the command: to its log first, then on the command's own stderr. Null where
 * these first bytes are the command's.
 */
function complaintIn(log: string, first: Buffer): string | null {
  try {
    const entries = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => z.parse(entry, JSON.parse(line)));
    const said = entries.findLast(({ level }) => level === "error")?.msg ?? null;
    return said !== null && first.includes(said) ? said : null;
  } catch {
    return null;
  }
}

/** In the runtime's words, which are docker's: `exec: "x": executable file not found in $PATH`. */
function startError(said: string, command: string): EngineError {
  const { code, hint, exitCode } = runtimeError("run", said, command);
  return new EngineError(code, shortReason(said), { cause: said, hint, exitCode });
}
