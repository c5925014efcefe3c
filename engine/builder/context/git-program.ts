import { spawn } from "node:child_process";
import { EngineError, messageOf } from "../../errors.ts";
import { findProgram } from "../../host/programs.ts";
import type { GitReference } from "./git-reference.ts";

/** What git said when it failed. */
export class GitFailure extends Error {}

export type GitRun = {
  /** Of the work tree. */
  readonly directory: string;
  readonly scheme: GitReference["scheme"];
  readonly signal: AbortSignal;
  /** Whom it runs as; null: as the engine. */
  readonly user: number | null;
};

const outputLimit = 256 * 1024;

/** Settings that no repository changes: nothing of it is ever run. */
const settings = [
  ...["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.askPass=/bin/false", "credential.helper="],
  ...[
    "core.symlinks=true",
    "core.logAllRefUpdates=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
  ],
  ...["fetch.recurseSubmodules=false", "submodule.recurse=false", "transfer.fsckObjects=false", "core.autocrlf=false"],
].flatMap((setting) => ["-c", setting]);

/**
 * Runs git without the host's settings, hooks or prompts, and only over the protocols docker has. Gives what it wrote. Fails with GitFailure,
 * `unimplemented` where git is not there, `cancelled`; it has ended by then, with all that it started.
 */
export async function runGit(args: readonly string[], run: GitRun): Promise<string> {
  const program = findProgram("git");
  if (program === null) {
    throw new EngineError("unimplemented", "a git repository cannot be fetched: this host has no program git", {
      hint: "install git",
    });
  }
  if (run.signal.aborted) throw new EngineError("cancelled", "cancelled");
  const child = spawn(program, [...settings, ...args], {
    cwd: run.directory,
    env: environmentOf(run),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, since it starts others.
    detached: true,
    ...(run.user === null ? {} : { uid: run.user, gid: run.user }),
  });
  const end = () => killGroup(child.pid);
  run.signal.addEventListener("abort", end, { once: true });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => {
      if (output[name].length < outputLimit) output[name] += text;
    });
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (run.signal.aborted) throw new EngineError("cancelled", "cancelled");
    if (code !== 0) throw new GitFailure(output.stderr.trim() || `git ended with ${code}`);
    return output.stdout;
  } catch (error) {
    if (error instanceof GitFailure || error instanceof EngineError) throw error;
    throw new EngineError("internal", `git cannot be started: ${messageOf(error)}`, { cause: error });
  } finally {
    run.signal.removeEventListener("abort", end);
    end();
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended.
  }
}

function environmentOf({ scheme, user }: GitRun): Record<string, string> {
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const passed = [...proxies, ...(user === null ? ["SSH_AUTH_SOCK"] : [])].flatMap((name): [string, string][] => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(passed),
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    // The authorities that downloads trust, too.
    ...(process.env.SSL_CERT_FILE ? { GIT_SSL_CAINFO: process.env.SSL_CERT_FILE } : {}),
    LC_ALL: "C",
    HOME: "/dev/null",
    XDG_CONFIG_HOME: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_SSH_COMMAND: "ssh -F /dev/null -o StrictHostKeyChecking=no -o BatchMode=yes",
    GIT_ALLOW_PROTOCOL: scheme === "file" ? "file" : "http:https:ssh:git",
    // A repository in a directory of somebody else's is what was asked for.
    ...(scheme === "file"
      ? { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" }
      : {}),
  };
}
