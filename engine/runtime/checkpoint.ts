import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { tryCommand } from "../host/commands.ts";
import { findProgram } from "../host/programs.ts";
import { shortReason } from "./runtime-errors.ts";
import type { RuntimeProgram } from "./runtime-program.ts";

/** Milliseconds: the memory of a large container goes to the disk. */
const deadline = 10 * 60_000;

export type CheckpointOptions = {
  /** Where the images go: an empty directory. */
  readonly directory: string;
  /** Where criu's log goes. */
  readonly logs: string;
  readonly leaveRunning: boolean;
};

/** Fails with `unimplemented`, in one sentence, where criu cannot work on this host. */
export async function checkCriu(): Promise<void> {
  if (findProgram("criu") === null) {
    throw new EngineError("unimplemented", "checkpoints need criu, which is not installed on this host", {
      hint: "install the package criu",
    });
  }
  const { exitCode, stdout, stderr } = await tryCommand("criu", ["check"], { timeout: 20_000 });
  if (exitCode === 0) return;
  throw new EngineError(
    "unimplemented",
    `checkpoints are not possible on this host: ${criuReason(`${stdout}\n${stderr}`)}`,
    {
      hint: "`criu check` tells more; a newer criu may know this kernel",
    },
  );
}

/** The first error is the cause: `Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds`. */
export function criuReason(said: string): string {
  const error = /^(?:\([\d.]+\)\s*)?(?:\d+:\s*)?Error \([^)]*\):\s*(.+)$/m.exec(said)?.[1];
  return error === undefined ? "`criu check` fails" : `criu says ${JSON.stringify(error.trim())}`;
}

/** Freezes the processes of a container into files; without `leaveRunning` they have ended when it resolves. */
export async function takeCheckpoint(program: RuntimeProgram, id: string, options: CheckpointOptions): Promise<void> {
  const { directory, logs, leaveRunning } = options;
  const paths = ["--image-path", directory, "--work-path", logs];
  const flags = ["--file-locks", ...(leaveRunning ? ["--leave-running"] : [])];
  const result = await program.try(["checkpoint", ...paths, ...flags, id], deadline);
  if (result.exitCode === 0) return;
  if (/unknown command/i.test(result.stderr)) {
    throw new EngineError("unimplemented", `take a checkpoint: ${program.name} of this host was built without criu`, {
      hint: "containers that run with --runtime runc can be frozen into files",
    });
  }
  const log = await readFile(join(logs, "dump.log"), "utf8").catch(() => "");
  const reason = /Error \(/.test(log) ? criuReason(log) : shortReason(result.stderr || result.stdout);
  throw new EngineError("failed-precondition", `take a checkpoint: ${reason}`, { cause: result.stderr });
}
