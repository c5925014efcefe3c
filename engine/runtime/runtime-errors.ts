import { EngineError } from "../errors.ts";

/** What a runtime wraps around the reason, from the outside in. */
const wrappings =
  /^(?:(?:(?:runc|crun)(?: \w+ failed)?|exec failed|\w+\.go:\d+|unable to start container process|error during container init|starting container process caused)\s*:\s*|(?:time="[^"]*" )?level=\w+ msg=)/;

/** runc's and crun's words for a container that is no longer there for this. */
const endedReason = /^(?:container (?:is )?not running|container does not exist|cannot exec in a stopped container)$/;

/** Why a command that is there cannot be invoked. */
const uninvokable: readonly (readonly [RegExp, string])[] = [
  [/exec format error/i, "it is not a program for this machine"],
  [/is a directory/i, "it is a directory"],
  // crun's, of what is no regular file.
  [/open executable: operation not permitted/i, "it is no file"],
  [/permission denied/i, "permission denied"],
];

/**
 * One sentence from what a runtime said, with docker's exit code: 127 the command was not found, 126 it cannot be invoked, 125 the
 * rest. `doing` says what we were at.
 */
export function runtimeError(doing: string, said: string, command: string | null = null): EngineError {
  const reason = shortReason(said);
  if (command !== null) {
    if (/executable file .*not found|no such file or directory/i.test(reason) && isAboutExec(reason, command)) {
      return new EngineError("not-found", `${doing}: command ${JSON.stringify(command)} not found in the container`, {
        hint: "check its spelling and the image's PATH",
        exitCode: 127,
      });
    }
    const why = uninvokable.find(([pattern]) => pattern.test(reason))?.[1];
    if (why !== undefined && isAboutExec(reason, command)) {
      return new EngineError(
        "failed-precondition",
        `${doing}: command ${JSON.stringify(command)} cannot be run: ${why}`,
        { exitCode: 126 },
      );
    }
  }
  // It ended between our look and the runtime's.
  const code = endedReason.test(reason) ? "failed-precondition" : "internal";
  return new EngineError(code, `${doing}: ${reason}`, { exitCode: 125, cause: said });
}

/** The last line that says something, without the runtime's own wrappings. */
export function shortReason(said: string): string {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  let reason = lines.findLast((line) => !/level=(warning|info|debug)/.test(line)) ?? "the runtime gave no reason";
  for (;;) {
    const shorter = reason.replace(wrappings, "").replace(/^"(.*)"$/, "$1");
    if (shorter === reason || shorter === "") break;
    reason = shorter;
  }
  reason = reason.replaceAll('\\"', '"');
  return reason.length > 400 ? `${reason.slice(0, 400)}…` : reason;
}

/** A missing bind source says "no such file or directory", too: the command is at fault only where exec is named. */
function isAboutExec(reason: string, command: string): boolean {
  return /\bexec\b|executable file|open executable/.test(reason) || reason.includes(`\`${command}\``);
}
