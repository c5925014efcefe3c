import { join } from "node:path";
import type { LaunchOptions } from "./container-runtime.ts";
import type { RuntimeProgram } from "./runtime-program.ts";

export type LaunchPlace = {
  readonly program: RuntimeProgram;
  /** Supervisors.directoryOf() */
  readonly directory: string;
  readonly exitDirectory: string;
};

/** Of a conmon (conmon(8)) that makes a container. */
export function launchArguments(options: LaunchOptions, { program, directory, exitDirectory }: LaunchPlace): string[] {
  const { id } = options;
  const runtimeArguments = ["--root", program.root].flatMap((argument) => ["--runtime-arg", argument]);
  return [
    ...["--api-version", "1", "-c", id, "-u", id, "-n", id, "-r", program.path, ...runtimeArguments],
    ...["-b", options.bundle, "-p", join(directory, "container.pid")],
    ...["--conmon-pidfile", join(directory, "conmon.pid"), "--persist-dir", directory],
    ...[
      "--exit-dir",
      exitDirectory,
      "--full-attach",
      "-l",
      options.logPath === null ? "none" : `k8s-file:${options.logPath}`,
    ],
    ...["--log-level", "error", ...(options.checkpoint === undefined ? ["--no-new-keyring"] : [])],
    ...(options.checkpoint === undefined ? [] : ["--restore", options.checkpoint, "--runtime-opt", "--file-locks"]),
    ...(options.terminal ? ["-t"] : []),
    ...(options.openStdin ? ["-i"] : []),
    ...(options.openStdin && (options.terminal || !options.stdinOnce) ? ["--leave-stdin-open"] : []),
  ];
}
