import { EngineError, messageOf } from "../errors.ts";

/** Sentences that docker's clients look at, and what they stand for in the engine's own. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^no such container: (.*)$/s, "No such container: $1"],
  [/^no such exec instance: (.*)$/s, "No such exec instance: $1"],
  [/^no such volume: (.*)$/s, "get $1: no such volume"],
  [/^could not find the file (.*)$/s, "Could not find the file $1"],
  [/^(network .* not found)$/s, "$1"],
  [/^container name "(.*)" is not valid$/s, "Invalid container name ($1), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"],
  [/^invalid reference (".*": .*)$/s, "invalid reference format: $1"],
];

/** Commands that docker has under the same name: who uses it is told of them. */
const sharedCommands =
  /\bgantry (?=(?:images|import|load|login|network|ps|pull|restart|rm|rmi|start|stop|unpause|update|volume)\b)/g;

/** What people read: docker's clients show nothing but this text. */
export function dockerWords(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof EngineError)) return message;
  const sentence = sentences.find(([pattern]) => pattern.test(message));
  if (sentence !== undefined) return message.replace(...sentence);
  const text = (error.hint === null ? message : `${message}: ${error.hint}`).replaceAll(sharedCommands, "docker ");
  // By these words docker's command line knows that it has to exit with 127.
  return error.exitCode === 127 ? `${text}: executable file not found in $PATH` : text;
}
