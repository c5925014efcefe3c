import { CommanderError } from "commander";
import { EngineError, messageOf } from "../../engine/errors.ts";
import { UsageError } from "./parse/usage-error.ts";
import { printableText } from "./printable.ts";

/** What to print on stderr and how to exit. */
export type Failure = { readonly lines: readonly string[]; readonly exitCode: number };

/** `verb` is for the pointer to the help; `fallbackCode` where the failure has no exit code of its own. */
export async function describeFailure(error: unknown, verb: string, fallbackCode: number): Promise<Failure> {
  const { lines, exitCode } = failureOf(error, verb, fallbackCode);
  return { lines: await Promise.all(lines.map(printableText)), exitCode };
}

function failureOf(error: unknown, verb: string, fallbackCode: number): Failure {
  if (error instanceof CommanderError) return usageFailure(error, verb);
  if (error instanceof UsageError) {
    return { lines: [`gantry: ${error.message}`, seeHelp(verb)], exitCode: error.exitCode ?? fallbackCode };
  }
  if (isEngineError(error)) {
    const hint = error.hint === null ? [] : [`hint: ${error.hint}`];
    return { lines: [`gantry: ${error.message}`, ...hint], exitCode: codeOf(error, fallbackCode) };
  }
  return { lines: [`gantry: ${messageOf(error)}`], exitCode: fallbackCode };
}

/** The engine's 125 says that no container has run, which matters to `run` alone. */
function codeOf({ exitCode }: EngineError, fallbackCode: number): number {
  return exitCode === null || exitCode === undefined || exitCode === 125 ? fallbackCode : exitCode;
}

/** The dashboard is a bundle of its own, so that its errors are of a class of their own. */
function isEngineError(error: unknown): error is EngineError {
  return error instanceof EngineError || (error instanceof Error && error.name === "EngineError" && "hint" in error);
}

/** A wrong flag is 125, a wrong number of arguments 1, as docker's. */
function usageFailure(error: CommanderError, verb: string): Failure {
  if (error.exitCode === 0) return { lines: [], exitCode: 0 };
  const message = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  const wrongCount = error.code === "commander.missingArgument" || error.code === "commander.excessArguments";
  return { lines: [`gantry: ${message}`, seeHelp(verb)], exitCode: wrongCount ? 1 : 125 };
}

function seeHelp(verb: string): string {
  return `see: gantry ${verb}${verb === "" ? "" : " "}--help`;
}
