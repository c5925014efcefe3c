import { closeSync, readFileSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { getProgram } from "../../host/programs.ts";
import { spawnProcess } from "../../host/spawn.ts";
import { openMemoryFile } from "../../host/syscalls.ts";

/** Copies what is in a directory, with its own owner and mode, into another one, by cp(1): links stay links. Fails with `cancelled`. */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  using files = new DisposableStack();
  const said = files.adopt(openMemoryFile("cp"), closeSync);
  const child = await spawnProcess({
    program: getProgram("cp"),
    args: ["-a", `${from}/.`, to],
    environment: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" },
    descriptors: [null, null, said],
  });
  const stop = () => {
    if (child.isRunning()) process.kill(child.pid, "SIGKILL");
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    const exitCode = await child.ended;
    if (signal.aborted) throw new EngineError("cancelled", "the copy was cancelled");
    if (exitCode !== 0) throw failure(readFileSync(`/proc/self/fd/${said}`, "utf8"));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function failure(said: string): EngineError {
  const reason = said.trim().split("\n")[0] ?? "";
  const isFull = /No space left|Disk quota exceeded/.test(reason);
  return new EngineError(isFull ? "resource-exhausted" : "internal", reason || "cp failed");
}
