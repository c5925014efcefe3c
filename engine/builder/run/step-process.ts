import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { getProgram } from "../../host/programs.ts";
import { openPipe, type SpawnedProcess, spawnProcess } from "../../host/spawn.ts";
import { explainMissing } from "../../runtime/explain-command.ts";
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

/** Bytes: more than an init says that could not start the command. */
const longestReason = 400;
const entry = z.object({ level: z.string(), msg: z.string() });

/**
 * Runs a bundle by the runtime's own `run`, a child of ours that hands on what the command says: a start takes one process less than with
 * conmon, and nobody has to find out how it ended. `run` keeps the cgroup, whose counts are to be read, and the record. Gives the exit code when
 * all output was taken; a command that cannot be started has 126 or 127, and the reason as its output. Fails with what the runtime said where
 * that is not the command's fault; with `cancelled`, while what it has started may still run.
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
    const heard = hear(command, { child, outputs }, onOutput);
    heard.catch(() => {});
    return await Promise.race([heard, cancelled.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    if (child.isRunning()) process.kill(child.pid, "SIGKILL");
    for (const socket of outputs) socket.destroy();
  }
}

type Started = { readonly child: SpawnedProcess; readonly outputs: readonly [Socket, Socket] };

/** Hands on all output, then says how it ended. */
async function hear(command: StepCommand, { child, outputs }: Started, tell: StepWork["onOutput"]): Promise<number> {
  let complaint: string | null = null;
  let lastWords = "";
  const [, , exitCode] = await Promise.all([
    take(outputs[0], (bytes) => tell(1, bytes)),
    take(outputs[1], (bytes, isFirst) => {
      if (isFirst) complaint = complaintIn(command.log, bytes);
      if (complaint !== null) return;
      lastWords = isFirst && bytes.length < longestReason ? bytes.toString() : "";
      return tell(2, bytes);
    }),
    child.ended,
  ]);
  if (complaint === null) {
    const more = exitCode === 0 ? null : explain(lastWords, command.bundle);
    if (more !== null) await tell(2, Buffer.from(`${more}\n`));
    return exitCode;
  }
  const failure = startError(complaint, command.command);
  if (failure.exitCode !== 126 && failure.exitCode !== 127) throw failure;
  await tell(2, Buffer.from(`${failure.message}\n`));
  return failure.exitCode;
}

/** What the runtime's init says where the kernel refuses the command is short, and misleading. */
function explain(said: string, bundle: string): string | null {
  if (/^exec \S+: exec format error\n?$/.test(said))
    return "it is no program for this machine, nor a script that begins with #!";
  return /^exec \S+: no such file or directory\n?$/.test(said) ? explainMissing(bundle) : null;
}

async function start(command: StepCommand): Promise<Started> {
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
